//! What one source does for as long as it is configured.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    task::spawn_blocking,
    time::sleep,
};

use super::{
    Answer, SourceKind, dns::DnsClient, file::FileClient, http::HttpClient, last_good::LastGood,
};
use switchyard_process::vital::Ended;
use switchyard_target_groups::Found;

/// The pause after a failure, if the source's own interval is longer.
const RETRY: Duration = Duration::from_secs(5);

/// A source's task.
pub(super) struct SourceTask {
    pub(super) last_good: LastGood,
    pub(super) refresh: Arc<Notify>,
    pub(super) answered: watch::Sender<Answer>,
    pub(super) change: watch::Sender<u64>,
}

impl SourceTask {
    /// Refreshes the source for as long as the runtime runs.
    pub(super) async fn run(&mut self, kind: SourceKind) -> Ended {
        let client = match kind {
            // It reads the files, and a file system may hang.
            SourceKind::File(source, base) => {
                spawn_blocking(move || FileClient::new(&source, &base))
                    .await
                    .map(SourceClient::File)
            }
            SourceKind::Http(source) => Ok(SourceClient::Http(HttpClient::new(&source))),
            SourceKind::Dns(source) => Ok(SourceClient::Dns(Box::new(DnsClient::new(&source)))),
        };
        let mut client = match client {
            Ok(client) => client,
            Err(error) if error.is_panic() => return Ended::TooSoon,
            // The runtime is shutting down.
            Err(_) => return Ended::Finished,
        };
        loop {
            let found = client.fetch(&mut self.last_good).await;
            let is_news = found.is_some() || !self.answered.borrow().is_settled;
            self.answered.send_modify(|answer| {
                answer.is_settled = true;
                if let Some(found) = found {
                    answer.found = found;
                }
            });
            if is_news {
                self.change.send_modify(|change| *change += 1);
            }
            let most = if self.last_good.is_failing() {
                RETRY
            } else {
                Duration::MAX
            };
            tokio::select! {
                () = client.due(most) => {}
                () = self.refresh.notified() => {}
            }
        }
    }
}

/// The client of a source.
enum SourceClient {
    File(FileClient),
    Http(HttpClient),
    Dns(Box<DnsClient>),
}

impl SourceClient {
    /// Refreshes once; `Some` is the new answer, if it changed.
    async fn fetch(&self, last_good: &mut LastGood) -> Option<Arc<[Found]>> {
        match self {
            Self::File(client) => match client.fetch().await.transpose() {
                Some(answer) => last_good.accept(answer),
                None => last_good.accept_nothing_yet(),
            },
            Self::Http(client) => last_good.accept(client.fetch().await),
            Self::Dns(client) => last_good.accept(client.fetch().await),
        }
    }

    /// Waits until the next refresh is due, at most `most`.
    async fn due(&mut self, most: Duration) {
        match self {
            Self::File(client) => client.due(most).await,
            Self::Http(client) => sleep(client.refresh().min(most)).await,
            Self::Dns(client) => sleep(client.refresh().min(most)).await,
        }
    }
}
