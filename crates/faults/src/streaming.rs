//! A backend that streams, step by step, as a test tells it.
//!
//! Each connection has a thread that performs the steps of one request after another. What waits goes on when the test says
//! so, or ends when the other side leaves: that is noticed whatever the backend does, also if it reads nothing.

mod body;
mod step;

use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use crate::fault;
use step::Stage;
pub use step::Step;

/// A running backend. Clones are handles to the same.
#[derive(Clone, Debug)]
pub struct Streaming {
    /// The address that it listens on.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

/// What the test and all connections share.
#[derive(Debug, Default)]
struct Shared {
    requests: Mutex<Vec<Arc<Mutex<Streamed>>>>,
    at_work: AtomicUsize,
    left: AtomicUsize,
    /// How many waiting steps may go on.
    permits: Mutex<usize>,
    /// What its gauge shows.
    gauge: Mutex<String>,
}

/// A request, as far as it has come.
#[derive(Clone, Debug, Default)]
pub struct Streamed {
    /// Its head, up to the empty line.
    pub head: String,
    /// What was read of its body, without framing; after an upgrade, what came.
    pub body: Vec<u8>,
    /// Whether the body was read to its end.
    pub is_whole: bool,
}

impl Streamed {
    /// The first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        crate::scripted::header(&self.head, name)
    }
}

impl Streaming {
    /// Serves each request by the steps that `script` makes from its head. Its metrics page shows an idle gauge.
    pub fn start(script: impl Fn(&str) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        "0".clone_into(&mut shared.gauge.lock().unwrap());
        let (script, all) = (Arc::new(script), Arc::clone(&shared));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (script, shared) = (Arc::clone(&script), Arc::clone(&all));
                thread::spawn(move || serve(&stream, &*script, &shared));
            }
        });
        Self { address, shared }
    }

    /// Serves every request by the same steps.
    #[must_use]
    pub fn always(steps: Vec<Step>) -> Self {
        Self::start(move |_| steps.clone())
    }

    /// Lets this many waiting steps go on, now or once they wait.
    pub fn release(&self, steps: usize) {
        *self.shared.permits.lock().unwrap() += steps;
    }

    /// What its gauge shows from now on.
    pub fn show(&self, gauge: &str) {
        gauge.clone_into(&mut self.shared.gauge.lock().unwrap());
    }

    /// How many requests are at work. One that has ended is not, even if its connection is kept.
    #[must_use]
    pub fn at_work(&self) -> usize {
        self.shared.at_work.load(SeqCst)
    }

    /// How many requests ended because the other side left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.shared.left.load(SeqCst)
    }

    /// The requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Streamed> {
        let requests = self.shared.requests.lock().unwrap();
        let copy = |request: &Arc<Mutex<Streamed>>| request.lock().unwrap().clone();
        requests.iter().map(copy).collect()
    }

    /// The newest request.
    #[must_use]
    pub fn last(&self) -> Option<Streamed> {
        self.requests().pop()
    }
}

/// Serves one connection to its end.
fn serve(stream: &TcpStream, script: &dyn Fn(&str) -> Vec<Step>, shared: &Shared) {
    // Without it small pieces would leave together. It fails only on a connection that is gone.
    let _ = stream.set_nodelay(true);
    let Ok(own) = stream.try_clone() else { return };
    let mut reader = BufReader::new(own);
    while let Some(head) = head(&mut reader) {
        if head.starts_with("GET /metrics") {
            let page = fault::gauge(&shared.gauge.lock().unwrap());
            if Step::Write(page).perform(&mut Stage::alone(stream, &mut reader)) != step::Then::Next
            {
                return;
            }
            continue;
        }
        let steps = script(&head);
        let request = Arc::new(Mutex::new(Streamed {
            head,
            ..Streamed::default()
        }));
        shared.requests.lock().unwrap().push(Arc::clone(&request));
        let work = Work::of(shared);
        let mut stage = Stage::new(stream, &mut reader, &request, &shared.permits);
        for step in steps {
            match step.perform(&mut stage) {
                step::Then::Next => {}
                step::Then::Close => return,
                step::Then::Left => {
                    shared.left.fetch_add(1, SeqCst);
                    return;
                }
            }
        }
        drop(work);
    }
}

/// A request at work; counted until dropped.
struct Work<'a>(&'a Shared);

impl<'a> Work<'a> {
    fn of(shared: &'a Shared) -> Self {
        shared.at_work.fetch_add(1, SeqCst);
        Self(shared)
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, SeqCst);
    }
}

/// The next head, up to its empty line. `None` at the end of the connection.
fn head(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        (reader.read_line(&mut head).ok()? > 0).then_some(())?;
    }
    Some(head)
}

#[cfg(test)]
mod tests;
