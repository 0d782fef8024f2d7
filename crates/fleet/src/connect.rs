//! One connection to the store, from its address to the first answer.

use std::{fmt::Display, future::Future, io, pin::Pin, time::Duration};

use redis::{
    AsyncConnectionConfig, Cmd, RedisConnectionInfo, RedisError, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cmd,
};
use switchyard_config::StoreAddress;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream, lookup_host},
    time::timeout,
};

use crate::{
    ErrorKind, StoreError,
    allowance::{Allowance, Allowed},
    credentials::Credentials,
    options::Options,
    password, tls,
};

/// The longest wait for a connection. A lost packet is sent again after a second, and a new connection is sooner.
const CONNECT: Duration = Duration::from_millis(500);
/// The longest wait for the first answers. A store that was stopped gives those first of all, once it goes on.
const GREETING: Duration = Duration::from_secs(1);
/// How many bytes the first answers may take.
const GREETING_BYTES: usize = 64 << 10;
/// How many calls may wait to be written.
const WAITING: usize = 1024;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Writes and reads; a connection lasts as long as its driver is polled.
type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection on which the store has answered.
pub(crate) struct Opened {
    pub(crate) connection: MultiplexedConnection,
    pub(crate) driver: Driver,
    pub(crate) allowance: Allowance,
    pub(crate) credentials: Option<Credentials>,
}

/// Connects, shows the password, and waits for a sign of life. `turn` counts the attempts.
pub(crate) async fn open(options: &Options, turn: usize) -> Result<Opened, StoreError> {
    let credentials = password::read(options).await?;
    let unreachable = |reason: &dyn Display| {
        let what = format!("can't be reached ({reason})");
        StoreError::new(ErrorKind::Unreachable, options.shown(), what)
    };
    let stream = match timeout(CONNECT, stream(&options.address, turn)).await {
        Ok(stream) => stream.map_err(|error| unreachable(&error))?,
        Err(_) => return Err(unreachable(&format!("no connection within {CONNECT:?}"))),
    };
    let allowance = Allowance::new(GREETING_BYTES);
    let stream = Allowed {
        stream,
        allowance: allowance.clone(),
    };
    let greeted = timeout(GREETING, greet(options, stream, credentials.as_ref())).await;
    let (connection, driver) = greeted.unwrap_or_else(|_| {
        let what = format!("accepts a connection, but says nothing within {GREETING:?}");
        Err(StoreError::new(ErrorKind::Timeout, options.shown(), what))
    })?;
    Ok(Opened {
        connection,
        driver,
        allowance,
        credentials,
    })
}

async fn greet(
    options: &Options,
    stream: Allowed<Box<dyn Stream>>,
    credentials: Option<&Credentials>,
) -> Result<(MultiplexedConnection, Driver), StoreError> {
    let of = |error: &RedisError| StoreError::of(error, options.shown(), credentials);
    let config = AsyncConnectionConfig::new()
        .set_response_timeout(None)
        .set_pipeline_buffer_size(WAITING);
    // By itself the library would say nothing of an error but that there was one.
    let info = RedisConnectionInfo::default().set_skip_set_lib_name();
    let opened = MultiplexedConnection::new_with_config(&info, stream, config).await;
    let (mut connection, driver) = opened.map_err(|error| of(&error))?;
    let mut driver: Driver = Box::pin(driver);
    for (command, wanted) in greetings(options, credentials) {
        let mut sent = connection.req_packed_command(&command);
        let mut has_ended = false;
        let answer = tokio::select! {
            answer = &mut sent => answer,
            // It has delivered what it heard last.
            () = &mut driver => {
                has_ended = true;
                sent.await
            }
        };
        match answer {
            Ok(Value::Okay) if wanted == "OK" => {}
            Ok(Value::SimpleString(word)) if word == wanted => {}
            Ok(Value::ServerError(error)) => judge(wanted, of(&error.into()))?,
            Ok(_) => {
                let what = "answers a greeting with something else";
                return Err(StoreError::new(ErrorKind::Garbled, options.shown(), what));
            }
            Err(error) => judge(wanted, of(&error))?,
        }
        // The end came with the answer: the driver can't be polled again.
        if has_ended {
            let what = "closes the connection after its first answer";
            return Err(StoreError::new(ErrorKind::Lost, options.shown(), what));
        }
    }
    Ok((connection, driver))
}

/// What is said on a new connection, and the answers to that.
fn greetings(options: &Options, credentials: Option<&Credentials>) -> Vec<(Cmd, &'static str)> {
    let mut all = Vec::new();
    if let Some(Credentials { user, password }) = credentials {
        let mut auth = cmd("AUTH");
        if let Some(user) = user {
            auth.arg(&**user);
        }
        auth.arg(&**password);
        all.push((auth, "OK"));
    }
    if let StoreAddress::Host { database, .. } = &options.address
        && *database != 0
    {
        let mut select = cmd("SELECT");
        select.arg(*database);
        all.push((select, "OK"));
    }
    all.push((cmd("PING"), "PONG"));
    all
}

/// A user that may not ping may yet claim. Any other error counts: without its database, a proxy would claim in another.
fn judge(wanted: &str, error: StoreError) -> Result<(), StoreError> {
    if wanted == "PONG" && error.kind == ErrorKind::NotPermitted {
        return Ok(());
    }
    Err(error)
}

async fn stream(address: &StoreAddress, turn: usize) -> io::Result<Box<dyn Stream>> {
    match address {
        StoreAddress::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        StoreAddress::Host {
            host, port, tls, ..
        } => {
            let stream = tcp(host, *port, turn).await?;
            stream.set_nodelay(true)?;
            if *tls {
                Ok(Box::new(tls::handshake(host, stream).await?))
            } else {
                Ok(Box::new(stream))
            }
        }
    }
}

/// Tries all addresses of a name, another one first each time: one that is silent takes all the time there is.
async fn tcp(host: &str, port: u16, turn: usize) -> io::Result<TcpStream> {
    let mut addresses: Vec<_> = lookup_host((host, port)).await?.collect();
    if let Some(first) = turn.checked_rem(addresses.len()) {
        addresses.rotate_left(first);
    }
    TcpStream::connect(&addresses[..]).await
}
