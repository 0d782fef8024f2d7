//! The connection to the store, kept: opened, watched, closed when it is of no use, and opened again.

use std::{sync::Arc, time::Duration};

use redis::{
    Cmd, RedisError, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cmd,
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout, timeout_at},
};

use crate::{
    ErrorKind, StoreError,
    allowance::Allowance,
    connect::{Opened, open},
    options::Options,
    password::Credentials,
};

/// The pause before the second attempt to connect; it doubles up to the longest one.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// A connection that lived so long begins the pauses anew.
const LIVED: Duration = Duration::from_secs(1);
/// How long a store may be silent before its connection is given up, if `fleet.timeout` is shorter than half of that.
const SILENCE: Duration = Duration::from_millis(250);

/// The connection as callers see it. Cheap to share.
#[derive(Debug)]
pub(crate) struct Link {
    options: Arc<Options>,
    state: watch::Sender<State>,
    /// A call had no answer in time: the store, or the way to it, may be dead.
    suspicion: Notify,
    /// An answer says that another connection is needed.
    verdict: watch::Sender<(u64, Option<StoreError>)>,
}

#[derive(Debug)]
pub(crate) struct State {
    has_tried: bool,
    /// Counts connections.
    epoch: u64,
    live: Option<Live>,
    /// Since when there is no connection, and why; of use without a connection only.
    since: Instant,
    reason: StoreError,
}

#[derive(Clone, Debug)]
struct Live {
    connection: MultiplexedConnection,
    allowance: Allowance,
    credentials: Option<Credentials>,
}

impl Link {
    pub(crate) fn new(options: Arc<Options>) -> Arc<Self> {
        let reason = StoreError::new(
            ErrorKind::Unreachable,
            options.shown(),
            "is not connected yet",
        );
        Arc::new(Self {
            options,
            state: watch::Sender::new(State {
                has_tried: false,
                epoch: 0,
                live: None,
                since: Instant::now(),
                reason,
            }),
            suspicion: Notify::new(),
            verdict: watch::Sender::new((0, None)),
        })
    }

    /// Sends a command on a connection younger than `after`, and waits for its answer until `deadline`. Says on which
    /// connection it was heard. `bytes` is the most that the answer takes.
    pub(crate) async fn call(
        &self,
        after: u64,
        command: &Cmd,
        bytes: usize,
        deadline: Instant,
    ) -> Result<(u64, Value), Failure> {
        let (epoch, mut live) = self.live(after, deadline).await?;
        live.allowance.add(bytes);
        let answer = timeout_at(deadline, live.connection.req_packed_command(command)).await;
        match answer {
            Ok(Ok(Value::ServerError(error))) => Err(self.judge(epoch, &live, &error.into())),
            Ok(Ok(value)) => Ok((epoch, value)),
            Ok(Err(error)) => Err(self.judge(epoch, &live, &error)),
            Err(_) => {
                self.suspicion.notify_one();
                Err(self.timed_out().into())
            }
        }
    }

    /// An answer on this connection is not one of a healthy store: another connection is needed.
    pub(crate) fn give_up(&self, epoch: u64, error: &StoreError) {
        self.verdict.send_replace((epoch, Some(error.clone())));
    }

    /// Whether the first attempt to connect has ended.
    pub(crate) fn has_tried(&self) -> bool {
        self.state.borrow().has_tried
    }

    /// Changes when a connection is opened, has ended, or could not be opened.
    pub(crate) fn changes(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    fn judge(&self, epoch: u64, live: &Live, error: &RedisError) -> Failure {
        if matches!(
            error.kind(),
            redis::ErrorKind::Server(redis::ServerErrorKind::NoScript)
        ) {
            return Failure::NoScript;
        }
        let error = StoreError::of(error, self.options.shown(), live.credentials.as_ref());
        if error.ends_connection() {
            self.give_up(epoch, &error);
        }
        if error.is_lost() {
            Failure::Lost(epoch, error)
        } else {
            Failure::Store(error)
        }
    }

    fn timed_out(&self) -> StoreError {
        let what = format!(
            "did not answer within fleet.timeout ({:?})",
            self.options.timeout
        );
        StoreError::new(ErrorKind::Timeout, self.options.shown(), what)
    }

    /// The connection in force, if it is younger than `after`. Waits for one until `deadline`, but not if there has
    /// been none for as long as a call may take: then it would only make requests wait.
    async fn live(&self, after: u64, deadline: Instant) -> Result<(u64, Live), StoreError> {
        let found = |state: &State| match &state.live {
            Some(live) if state.epoch > after => Some(Ok((state.epoch, live.clone()))),
            Some(_) => None,
            None if state.since.elapsed() < self.options.timeout => None,
            None => Some(Err(state.reason.clone())),
        };
        if let Some(found) = found(&self.state.borrow()) {
            return found;
        }
        let mut states = self.state.subscribe();
        loop {
            if let Some(found) = found(&states.borrow_and_update()) {
                return found;
            }
            match timeout_at(deadline, states.changed()).await {
                Ok(Ok(())) => {}
                _ => return Err(self.state.borrow().reason.clone()),
            }
        }
    }

    /// Keeps a connection as long as it is polled.
    pub(crate) async fn keep(&self) {
        let mut pause = SHORTEST_PAUSE;
        let mut turn = fastrand::usize(..=usize::from(u16::MAX));
        loop {
            let began = Instant::now();
            let ended = match open(&self.options, turn).await {
                Ok(opened) => self.serve(opened).await,
                Err(error) => error,
            };
            self.state.send_modify(|state| {
                if state.live.take().is_some() {
                    state.since = Instant::now();
                }
                state.reason = ended;
                state.has_tried = true;
            });
            if began.elapsed() > LIVED {
                pause = SHORTEST_PAUSE;
            }
            turn = turn.wrapping_add(1);
            // Half of it at random, so that the proxies of a fleet do not all come at once.
            sleep(pause.mul_f64(1.0 - fastrand::f64() / 2.0)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Puts a connection in force until it is of no use any more; says why.
    async fn serve(&self, opened: Opened) -> StoreError {
        let Opened {
            connection,
            mut driver,
            allowance,
            credentials,
        } = opened;
        let mut verdicts = self.verdict.subscribe();
        let live = Live {
            connection,
            allowance,
            credentials,
        };
        let mut epoch = 0;
        self.state.send_modify(|state| {
            state.epoch += 1;
            epoch = state.epoch;
            state.live = Some(live.clone());
        });
        // A verdict on an earlier connection says nothing of this one.
        let mut verdict = async || {
            let ours = verdicts.wait_for(|(on, _)| *on == epoch).await;
            ours.map(|ours| ours.1.clone()).ok().flatten()
        };
        let watch = async {
            loop {
                self.suspicion.notified().await;
                self.prove_alive(&live).await?;
            }
            #[expect(unreachable_code, reason = "says the type")]
            Ok::<(), StoreError>(())
        };
        let closed = || {
            StoreError::new(
                ErrorKind::Lost,
                self.options.shown(),
                "closed the connection",
            )
        };
        tokio::select! {
            // The driver first: what has come is delivered before the connection is judged.
            biased;
            () = &mut driver => {
                // Whoever heard the last answer can say more, and is about to.
                let told = timeout(Duration::from_millis(2), verdict()).await;
                told.ok().flatten().unwrap_or_else(closed)
            }
            told = verdict() => told.unwrap_or_else(closed),
            Err(error) = watch => error,
        }
    }

    /// Asks for a sign of life: a store that is slow gives one, behind its other answers.
    async fn prove_alive(&self, live: &Live) -> Result<(), StoreError> {
        let limit = SILENCE.max(self.options.timeout * 2);
        let mut connection = live.connection.clone();
        live.allowance.add(1024);
        let ping = cmd("PING");
        match timeout(limit, connection.req_packed_command(&ping)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                let credentials = live.credentials.as_ref();
                let error = StoreError::of(&error, self.options.shown(), credentials);
                if error.ends_connection() {
                    return Err(error);
                }
                Ok(())
            }
            Err(_) => {
                let what = format!("has said nothing for {limit:?}");
                let store = self.options.shown();
                Err(StoreError::new(ErrorKind::Timeout, store, what))
            }
        }
    }
}

/// How a call ends without an answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The store does not know the script: it was not run.
    NoScript,
    /// The answer can't come any more on this connection.
    Lost(u64, StoreError),
    /// Any other end: an error of the store, no connection, or no answer in time.
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
