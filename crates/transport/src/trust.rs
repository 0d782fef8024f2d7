//! What TLS connections to servers believe and show, replaced while it is used.

use std::{io, sync::Arc};

use arc_swap::ArcSwapOption;

use crate::{
    belief::Belief,
    changes::changed,
    refusal::{Reason, Refusal},
};

/// What TLS connections to servers believe and show. Until it is told what, it believes the authorities that the
/// system trusts, which it reads when they are needed first.
///
/// All that is about one group of servers shares one, and all threads do.
#[derive(Debug, Default)]
pub struct Trust {
    believed: ArcSwapOption<Belief>,
}

impl Trust {
    /// What handshakes believe from now on, and returns whether that differs. `None`: what the system trusts, read
    /// when it is needed.
    ///
    /// Connections that are open stay so; [`Transport::version`](crate::Transport::version) tells that they are outdated.
    pub fn replace(&self, belief: Option<Belief>) -> bool {
        let before = self.believed.load();
        let is_same = match (&*before, &belief) {
            (Some(before), Some(belief)) => before.is_same(belief),
            (Some(before), None) => before.is_default(),
            (None, belief) => belief.is_none(),
        };
        if !is_same {
            self.believed.store(belief.map(Arc::new));
            changed();
        }
        !is_same
    }

    /// Believes and shows what `other` did, from now on.
    pub fn take_from(&self, other: &Self) {
        self.believed.store(other.believed.swap(None));
        changed();
    }

    /// The number of what is believed; it changes with that.
    pub(crate) fn number(&self) -> u64 {
        self.believed
            .load()
            .as_ref()
            .map_or(0, |belief| belief.number())
    }

    /// What is believed now.
    pub(crate) async fn current(&self) -> Result<Arc<Belief>, Refusal> {
        if let Some(believed) = self.believed.load_full() {
            return Ok(believed);
        }
        let none = |why| Refusal::new(Reason::NoAuthority, why);
        let read = tokio::task::spawn_blocking(Belief::system).await;
        let read = read
            .map_err(io::Error::other)
            .map_err(|error| none(error.to_string()))?;
        let read = Some(Arc::new(read.map_err(&none)?));
        // Another handshake may have read them meanwhile, or a configuration may have come.
        let before = self
            .believed
            .compare_and_swap(&None::<Arc<Belief>>, read.clone());
        let current = before.as_ref().map(Arc::clone).or(read);
        current.ok_or_else(|| none("there is none".to_owned()))
    }
}
