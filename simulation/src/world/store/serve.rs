//! The connections of the store.

use std::{io, sync::Arc};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::sleep,
};

use super::{super::listening, Store};

/// Serves for as long as it is polled, whenever the store's process runs.
pub(crate) async fn serve(store: Arc<Store>) {
    let connection = |stream| connection(Arc::clone(&store), stream);
    listening::serve(store.runs.subscribe(), &store.address, || {}, connection).await;
}

async fn connection(store: Arc<Store>, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut stream = BufReader::new(stream);
    while let Ok(Some(words)) = command(&mut stream).await {
        let slow = store.state().slow;
        if !slow.is_zero() {
            sleep(slow).await;
        }
        let answer = store.answer(&words);
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads one command: an array of texts. None: the connection has ended, or this is no command.
async fn command(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<String>>> {
    let Some(count) = number(stream, '*').await? else {
        return Ok(None);
    };
    let mut words = Vec::new();
    for _ in 0..count {
        let Some(length) = number(stream, '$').await? else {
            return Ok(None);
        };
        let mut word = vec![0; length + 2];
        stream.read_exact(&mut word).await?;
        word.truncate(length);
        words.push(String::from_utf8_lossy(&word).into_owned());
    }
    Ok(Some(words))
}

async fn number(stream: &mut BufReader<TcpStream>, sign: char) -> io::Result<Option<usize>> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    Ok(line
        .strip_prefix(sign)
        .and_then(|number| number.trim_end().parse().ok()))
}
