//! A request that waits: what it waits for, and what it is told.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool},
};

use parking_lot::Mutex;
use switchyard_balance::Load;
use switchyard_grid::Substation;
use switchyard_selection::Selection;
use tokio::{sync::Notify, time::Instant};

use crate::{
    dispatch::{capacity_forecast::Client, needs::Ask, select::Selected},
    snapshot::Snapshot,
};

/// What wants to wait, and for what.
pub(in crate::dispatch) struct Wish<'a> {
    pub(in crate::dispatch) client: Client,
    pub(in crate::dispatch) load: Load,
    /// What it can use of the grid of the snapshot with this version.
    pub(in crate::dispatch) selection: Option<Arc<Selection>>,
    pub(in crate::dispatch) version: u64,
    /// The number of its `Idempotency-Key`.
    pub(in crate::dispatch) key: Option<u64>,
    /// The only substation that it waits for.
    pub(in crate::dispatch) holder: Option<&'a Arc<Substation>>,
    pub(in crate::dispatch) arrived: Instant,
    pub(in crate::dispatch) until: Instant,
    /// Whether a trace tells of its choice.
    pub(in crate::dispatch) is_traced: bool,
}

/// A request that waits.
#[derive(Debug)]
pub(in crate::dispatch) struct Slot {
    pub(in crate::dispatch) client: Client,
    pub(super) load: Load,
    /// What it can use of the grid of the snapshot with this version.
    selection: Option<Arc<Selection>>,
    version: u64,
    is_traced: bool,
    /// Whether it may take room although there are promises.
    pub(in crate::dispatch) has_entered: AtomicBool,
    /// Whether the room that was found last is promised to others.
    pub(in crate::dispatch) was_held: AtomicBool,
    pub(super) word: Mutex<Option<Word>>,
    pub(super) woken: Notify,
}

/// What a waiting request is told.
#[derive(Debug)]
pub(super) enum Word {
    Granted(Granted),
    Called,
}

/// Room that was found for a request.
pub(in crate::dispatch) struct Granted {
    pub(in crate::dispatch) selected: Selected,
    /// The snapshot that it was chosen by.
    pub(in crate::dispatch) snapshot: Arc<Snapshot>,
}

impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Granted").finish_non_exhaustive()
    }
}

impl Granted {
    /// Gives the room back: nothing was sent.
    pub(in crate::dispatch) fn cancel(self) {
        self.selected.cancel();
    }
}

impl Wish<'_> {
    /// The same for all that can use the same substations of the same grid, and 0 for those that can use all.
    pub(super) fn kind(&self) -> u64 {
        let number = self
            .selection
            .as_ref()
            .map_or(0, |selection| selection.number());
        // In another grid the same number may mean others.
        if number == 0 {
            0
        } else {
            (number ^ self.version).max(1)
        }
    }
}

impl Slot {
    pub(super) fn new(wish: &Wish<'_>) -> Self {
        Self {
            client: wish.client,
            load: wish.load,
            selection: wish.selection.clone(),
            version: wish.version,
            is_traced: wish.is_traced,
            has_entered: AtomicBool::new(false),
            was_held: AtomicBool::new(false),
            word: Mutex::new(None),
            woken: Notify::new(),
        }
    }

    /// What it asks of a choice.
    pub(in crate::dispatch) fn ask(&self) -> Ask<'_> {
        Ask {
            load: self.load,
            key: None,
            selection: self.selection.as_ref(),
            is_traced: self.is_traced,
        }
    }

    /// Whether it goes by the grid of the snapshot with this version. If not, it has to look anew what it can use.
    pub(in crate::dispatch) fn goes_by(&self, version: u64) -> bool {
        let goes = self.selection.is_none() || self.version == version;
        if !goes {
            self.call();
        }
        goes
    }

    /// Gives it the room that was found for it.
    pub(in crate::dispatch) fn grant(&self, granted: Granted) {
        *self.word.lock() = Some(Word::Granted(granted));
        self.woken.notify_one();
    }

    pub(super) fn call(&self) {
        self.word.lock().get_or_insert(Word::Called);
        self.woken.notify_one();
    }
}
