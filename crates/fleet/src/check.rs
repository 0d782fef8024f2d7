//! Checks the store, so that one that can't be written to is noticed before a request needs it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use switchyard_idempotency::{Asker, Fingerprint, HolderId};

use crate::{
    Store, StoreError,
    scripts::{self, Call},
};

/// The time between two checks, each of which also reads the drains.
const PAUSE: Duration = Duration::from_millis(500);
/// The shortest time that each step of a check may take before the store counts as down.
const TAKES: Duration = Duration::from_millis(250);
/// What a check claims lives so long, if its release is lost.
const TTL: Duration = Duration::from_secs(10);
/// Who claims in a check: it is no request's asker.
const NOBODY: Asker = Asker {
    process: 0,
    number: 0,
};

impl Store {
    /// Checks the store from time to time, and when its connection comes or goes.
    pub(crate) async fn check(&self) {
        let mut changes = self.link.changes();
        loop {
            changes.mark_unchanged();
            let checked = self.check_once().await;
            if checked.is_ok() || self.link.has_tried() {
                self.health.note(checked.err());
            }
            tokio::select! {
                () = sleep(PAUSE) => {}
                // What happens to one connection may have happened to all.
                _ = changes.changed() => self.lanes.suspect_all(),
            }
        }
    }

    /// Does what a request would do, with a key of its own, and reads the drains.
    async fn check_once(&self) -> Result<(), StoreError> {
        let candidate = HolderId {
            name: "check".into(),
            address: ([0, 0, 0, 0], 0).into(),
        };
        let name = format!("{}:check", self.options.prefix);
        let in_time = || Instant::now() + TAKES.max(self.options.timeout);
        let claim = Call::claim(name.clone(), NOBODY, &candidate, Fingerprint(0), TTL);
        let claimed = |answer: &_| scripts::claimed(answer, NOBODY);
        self.script(&self.link, &claim, claimed, in_time()).await?;
        let release = Call::release(name, NOBODY);
        let released = |answer: &_| scripts::released(answer, NOBODY);
        self.script(&self.link, &release, released, in_time())
            .await?;
        self.read_drains(in_time()).await
    }
}
