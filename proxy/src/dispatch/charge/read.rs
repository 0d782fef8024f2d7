//! A charge with what it needs of a snapshot: read once, and again for another snapshot.

use switchyard_http1::Head;
use switchyard_wire::{Code, Failure};

use super::Charge;
use crate::{
    dispatch::needs::{self, Ask, Needs},
    snapshot::Snapshot,
};

impl<'a> Charge<'a> {
    /// Reads a charge: its body, and what `select` reads of it and of its headers. `is_keyed` asks for its fingerprint.
    pub(in crate::dispatch) fn read(
        body: &'a [u8],
        head: Head<'a>,
        snapshot: &Snapshot,
        is_keyed: bool,
    ) -> Result<Self, Failure> {
        let rules = &snapshot.config.charge;
        let Some(selections) = &snapshot.selections else {
            return Self::parse(body, rules, is_keyed, None);
        };
        let mut wanted = selections.wanted(is_keyed);
        let read = wanted.take_headers(|name| head.all(name));
        read.map_err(|(name, unfit)| {
            let message = format!("the header {name:?} {unfit}; nothing is booked");
            Failure::new(Code::InvalidRequest, message)
        })?;
        let mut charge = Self::parse(body, rules, is_keyed, Some(&mut wanted))?;
        let roster = snapshot.grid.roster();
        let resolved = selections.resolve(&wanted, |matches| roster.mask(matches));
        let (selection, not_sent) = match resolved {
            Ok(selection) => (selection, None),
            Err(no_match) => (None, Some(Box::new(needs::failure(no_match)))),
        };
        charge.needs = Needs {
            version: snapshot.version,
            selection,
            not_sent,
        };
        Ok(charge)
    }

    /// Makes sure that its needs are those of `snapshot`. `head` is its own.
    #[inline]
    pub(in crate::dispatch) fn follow(&mut self, head: Head<'a>, snapshot: &Snapshot) {
        if self.needs.version != snapshot.version {
            self.read_again(head, snapshot);
        }
    }

    #[cold]
    fn read_again(&mut self, head: Head<'a>, snapshot: &Snapshot) {
        let read = if self.route.is_some() {
            self.routed_again(head, snapshot)
        } else {
            Self::read(self.body, head, snapshot, false).map(|read| read.needs)
        };
        self.needs = match read {
            Ok(needs) => needs,
            // What is read by the new rules is not what they allow.
            Err(failure) => Needs {
                not_sent: Some(Box::new(failure)),
                ..Needs::default()
            },
        };
        self.needs.version = snapshot.version;
    }

    /// Whether it may go where there is no room: it weighs nothing.
    pub(in crate::dispatch) fn needs_no_room(&self) -> bool {
        let routed = self.route.as_ref();
        routed.is_some_and(|routed| routed.needs_no_room())
    }

    /// What it asks of a choice. `key` stands for its `Idempotency-Key`.
    pub(in crate::dispatch) fn ask(&self, key: Option<u64>) -> Ask<'_> {
        Ask {
            load: self.load,
            key,
            selection: self.needs.selection.as_ref(),
            is_traced: self.is_traced,
        }
    }
}
