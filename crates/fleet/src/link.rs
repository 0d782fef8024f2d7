//! The connection to the store, kept: opened, watched, closed when it is of no use, and opened again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

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
    credentials::Credentials,
    options::Options,
};

/// The pause before the second attempt to connect; it doubles up to the longest one.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// A connection that lived so long begins the pauses anew.
const LIVED: Duration = Duration::from_secs(1);
/// How long a store may be silent before its connection is given up, if `fleet.timeout` is shorter than half of that.
const SILENCE: Duration = Duration::from_millis(250);

/// How often an idle connection must show that it is alive: what stands in between may have forgotten it.
const PROOF: Duration = Duration::from_secs(5);

/// Counts the connections of this process, so that a later one has a higher number.
static EPOCHS: AtomicU64 = AtomicU64::new(0);

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
    live: Option<Live>,
    /// Since when there is no connection, and why; of use without a connection only.
    since: Instant,
    reason: StoreError,
}

#[derive(Clone, Debug)]
pub(crate) struct Live {
    epoch: u64,
    connection: MultiplexedConnection,
    allowance: Allowance,
    credentials: Option<Credentials>,
}

impl Live {
    pub(crate) const fn epoch(&self) -> u64 {
        self.epoch
    }
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
                live: None,
                since: Instant::now(),
                reason,
            }),
            suspicion: Notify::new(),
            verdict: watch::Sender::new((0, None)),
        })
    }

    /// Sends a command on a connection, and waits for its answer until `deadline`. `bytes` is the most that the answer
    /// takes.
    pub(crate) async fn call(
        &self,
        live: &Live,
        command: &Cmd,
        bytes: usize,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        live.allowance.add(bytes);
        let mut connection = live.connection.clone();
        let answer = timeout_at(deadline, connection.req_packed_command(command)).await;
        match answer {
            Ok(Ok(Value::ServerError(error))) => Err(self.judge(live, &error.into())),
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.judge(live, &error)),
            Err(_) => {
                self.suspect();
                Err(Failure::Store(self.timed_out()))
            }
        }
    }

    /// The connection must show that it is alive.
    pub(crate) fn suspect(&self) {
        self.suspicion.notify_one();
    }

    /// An answer on this connection is not one of a healthy store: another connection is needed.
    pub(crate) fn give_up(&self, live: &Live, error: &StoreError) {
        let verdict = (live.epoch, Some(error.clone()));
        self.verdict.send_replace(verdict);
    }

    /// Whether the first attempt to connect has ended.
    pub(crate) fn has_tried(&self) -> bool {
        self.state.borrow().has_tried
    }

    /// Changes when a connection is opened, has ended, or could not be opened.
    pub(crate) fn changes(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    fn judge(&self, live: &Live, error: &RedisError) -> Failure {
        if matches!(
            error.kind(),
            redis::ErrorKind::Server(redis::ServerErrorKind::NoScript)
        ) {
            return Failure::NoScript;
        }
        let error = StoreError::of(error, self.options.shown(), live.credentials.as_ref());
        if error.ends_connection() {
            self.give_up(live, &error);
        }
        if error.is_lost() {
            Failure::Lost(error)
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

    /// The connection in force, if there is one.
    pub(crate) fn now(&self) -> Option<Live> {
        self.state.borrow().live.clone()
    }

    /// A connection younger than `after`; waits for one until `deadline`. Not if there has been none for as long as a call may take: then it
    /// would only make requests wait.
    pub(crate) async fn live(&self, after: u64, deadline: Instant) -> Result<Live, StoreError> {
        let mut states = self.state.subscribe();
        loop {
            {
                let state = states.borrow_and_update();
                match &state.live {
                    Some(live) if live.epoch > after => return Ok(live.clone()),
                    None if state.since.elapsed() >= self.options.timeout => {
                        return Err(state.reason.clone());
                    }
                    _ => {}
                }
            }
            match timeout_at(deadline, states.changed()).await {
                Ok(Ok(())) => {}
                _ => return Err(self.state.borrow().reason.clone()),
            }
        }
    }

    /// Keeps a connection as long as it is polled.
    pub(crate) async fn keep(&self) {
        // One is left where this has died, and nothing drives it any more.
        self.state
            .send_if_modified(|state| state.live.take().is_some());
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
        let epoch = EPOCHS.fetch_add(1, Ordering::Relaxed) + 1;
        let live = Live {
            epoch,
            connection,
            allowance,
            credentials,
        };
        self.state.send_modify(|state| {
            state.live = Some(live.clone());
            state.has_tried = true;
        });
        // A verdict on an earlier connection says nothing of this one.
        let mut verdict = async || {
            let ours = verdicts.wait_for(|(on, _)| *on == epoch).await;
            ours.map(|ours| ours.1.clone()).ok().flatten()
        };
        let watch = async {
            loop {
                // Either way.
                let _ = timeout(PROOF, self.suspicion.notified()).await;
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
    Lost(StoreError),
    /// Any other end: an error of the store, no connection, or no answer in time.
    Store(StoreError),
}
