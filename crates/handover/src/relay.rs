//! The old process's questions to the new one, after the handover.
//!
//! Both sides write messages: a length of four bytes, a number of eight, and the content, which is the caller's. The new
//! process answers each question under its number, in any order. If it is gone, every question fails at once: the old
//! process must not decide alone what two processes decide together.

use std::{
    collections::HashMap,
    future::Future,
    io::{self, ErrorKind},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Semaphore, mpsc, oneshot},
    task::JoinSet,
};
use tracing::warn;

use super::Error;

/// The longest content of a message.
const LONGEST: u32 = 1 << 16;
/// The most questions without an answer; further ones wait.
const MOST_ASKED: usize = 4096;

/// The old process's side: asks. Clones ask over the same connection.
#[derive(Clone, Debug)]
pub struct Relay {
    questions: mpsc::Sender<(Vec<u8>, oneshot::Sender<Vec<u8>>)>,
}

type Waiting = Mutex<HashMap<u64, oneshot::Sender<Vec<u8>>>>;

impl Relay {
    /// Starts a task that lives until the last clone is dropped, or the other process ends.
    pub(super) fn start(stream: UnixStream) -> Self {
        let (questions, mut asked) =
            mpsc::channel::<(Vec<u8>, oneshot::Sender<Vec<u8>>)>(MOST_ASKED);
        let (mut from, mut to) = stream.into_split();
        tokio::spawn(async move {
            let waiting = Waiting::default();
            let ask = async {
                let mut number = 0_u64;
                while let Some((question, answer)) = asked.recv().await {
                    number += 1;
                    // Those that have given up need no answer.
                    if number.is_multiple_of(MOST_ASKED as u64) {
                        waiting.lock().retain(|_, answer| !answer.is_closed());
                    }
                    waiting.lock().insert(number, answer);
                    write(&mut to, number, &question).await?;
                }
                io::Result::Ok(())
            };
            let hear = async {
                while let Some((number, answer)) = read(&mut from).await? {
                    let place = waiting.lock().remove(&number);
                    // It may have given up.
                    place.map(|place| place.send(answer));
                }
                io::Result::Ok(())
            };
            // Either of them ends both, and whoever waits or comes later is told so by its closed channel.
            let ended = tokio::select! {
                ended = ask => ended,
                ended = hear => ended.and_then(|()| Err(ErrorKind::UnexpectedEof.into())),
            };
            if let Err(error) = ended {
                warn!(%error, "The process that took over answers no more");
            }
        });
        Self { questions }
    }

    /// Asks, and waits for the answer. Give it a time limit.
    pub async fn ask(&self, question: Vec<u8>) -> Result<Vec<u8>, Error> {
        let (answer, answered) = oneshot::channel();
        let sent = self.questions.send((question, answer)).await;
        sent.map_err(|_| Error::NoRelay)?;
        answered.await.map_err(|_| Error::NoRelay)
    }
}

/// The new process's side: answers.
#[derive(Debug)]
pub struct RelayServer {
    stream: UnixStream,
}

impl RelayServer {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self { stream }
    }

    /// Answers every question by `answer`, until the old process has ended. Cancelled, it lets no question wait.
    pub async fn serve<F>(self, answer: impl Fn(Vec<u8>) -> F) -> io::Result<()>
    where
        F: Future<Output = Vec<u8>> + Send + 'static,
    {
        let (mut from, mut to) = self.stream.into_split();
        let (answers, mut answered) = mpsc::channel::<(u64, Vec<u8>)>(MOST_ASKED);
        let places = Arc::new(Semaphore::new(MOST_ASKED));
        let say = async {
            while let Some((number, answer)) = answered.recv().await {
                write(&mut to, number, &answer).await?;
            }
            io::Result::Ok(())
        };
        let hear = async {
            let mut asked = JoinSet::new();
            while let Some((number, question)) = read(&mut from).await? {
                while asked.try_join_next().is_some() {}
                let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                    break;
                };
                let (answer, answers) = (answer(question), answers.clone());
                asked.spawn(async move {
                    // An error only means that the old process is gone.
                    let _ = answers.send((number, answer.await)).await;
                    drop(place);
                });
            }
            io::Result::Ok(())
        };
        tokio::select! {
            ended = say => ended,
            ended = hear => ended,
        }
    }
}

async fn write(to: &mut OwnedWriteHalf, number: u64, content: &[u8]) -> io::Result<()> {
    let length = u32::try_from(content.len()).ok();
    let Some(length) = length.filter(|length| *length <= LONGEST) else {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "too long a message",
        ));
    };
    let mut message = Vec::with_capacity(12 + content.len());
    message.extend(length.to_be_bytes());
    message.extend(number.to_be_bytes());
    message.extend(content);
    to.write_all(&message).await
}

/// The next message; nothing once the other side has closed the connection.
async fn read(from: &mut OwnedReadHalf) -> io::Result<Option<(u64, Vec<u8>)>> {
    let length = match from.read_u32().await {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        length => length?,
    };
    if length > LONGEST {
        let told = format!("a message of {length} bytes, and {LONGEST} at most are taken");
        return Err(io::Error::new(ErrorKind::InvalidData, told));
    }
    let number = from.read_u64().await?;
    let mut content = vec![0; usize::try_from(length).unwrap_or_default()];
    from.read_exact(&mut content).await?;
    Ok(Some((number, content)))
}
