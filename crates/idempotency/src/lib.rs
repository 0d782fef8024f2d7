//! Which substation holds which `Idempotency-Key`.
//!
//! A substation that has booked under a key answers a repetition of the key with that same session. Any other
//! substation would book a second session. So a key is bound to a substation, its *holder*, before the first request
//! with it leaves, and every repetition goes to the holder and to no other, until it is certain that no request under
//! the key can have been booked there.
//!
//! Several processes may decide this together: the proxies of a fleet through a store, and an old process through the
//! new one that has taken over from it. They speak of a key, a charge and a substation in the words of this crate, which
//! mean the same in each of them: a [`KeyHash`], a [`Fingerprint`], a [`HolderId`]. They agree by two operations:
//!
//! - *claim*: a process that is about to ask a substation enters the key with that substation and itself as an
//!   [`Asker`]. If the key has a holder already, it joins the askers of that one, and asks no other.
//! - *release*: it is certain that this asker booked nothing. The last asker that leaves frees the key.
//!
//! After a booking, or an end that proves nothing, nothing is said: the asker stays, and so does the holder. A process
//! that dies in between leaves the key in the same state, which is the safe one. Both operations are idempotent, so one
//! whose answer was lost is repeated, and never guessed.

//!
//! [`Keys`] is the table of one process. A key is kept as a hash: an entry has the same size whatever clients send. The
//! number of keys, the time they are kept and each client's share of the room are bounded ([`Limits`]).

mod carried;
mod claim;
mod entry;
mod identity;
mod keys;
mod list;
mod others;
mod shard;

pub use carried::CarriedKeys;
pub use claim::{Asked, Claim, Release, Reused};
pub use identity::{Asker, Claimed, Fingerprint, HolderId, KeyHash, NoHolder, Released};
pub use keys::{Keyed, Keys, Limits};
pub use shard::Evicted;

#[cfg(test)]
mod tests;
