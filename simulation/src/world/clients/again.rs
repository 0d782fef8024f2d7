//! A client that comes back: when everything else is over, it sends some of its charges with a key once more.
//!
//! Phones do that when they find their network again. A proxy that was replaced or has restarted since must know the keys
//! that the one before knew, and all that went wrong is long over: only a lost key books twice. Nothing of the day before
//! changes by it.

use super::{
    super::{
        event::{Ask, RequestId},
        plan::ClientPlan,
    },
    Street, alone,
};

/// The number of the sending.
const AGAIN: usize = 100;
/// So many of its charges, spread over its day.
const MOST: usize = 8;

/// A client, and its charges with keys.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(super) plan: ClientPlan,
    pub(super) charges: Vec<Charge>,
}

/// A charge with a key.
#[derive(Debug)]
pub(super) struct Charge {
    pub(super) number: usize,
    pub(super) ask: Ask,
    /// The place of the proxy that was asked last.
    pub(super) at: usize,
}

/// Sends some of the charges again, one after another.
pub(crate) async fn again(memory: Memory, street: &Street) {
    let Memory { plan, charges } = memory;
    let step = charges.len().div_ceil(MOST).max(1);
    for charge in charges.into_iter().step_by(step) {
        let request = RequestId {
            client: plan.id,
            number: charge.number,
            sending: AGAIN,
        };
        if let Some(to) = street.proxy(charge.at) {
            alone(street, plan.protocol, request, &charge.ask, to).await;
        }
    }
}
