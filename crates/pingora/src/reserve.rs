//! A selection and its reservation in one step.

use pingora_load_balancing::{Backend, LoadBalancer};
use switchyard_balance::{Load, Reservation};

use crate::{key::key, reservation::reservation, selection::LeastLoad, upstream::Upstream};

/// Selects the best backend for a request of this load, and reserves the load on it. Only healthy backends that
/// `accept` admits are selected. `None` if no such backend has room.
pub fn select_and_reserve(
    balancer: &LoadBalancer<LeastLoad>,
    load: Load,
    accept: impl Fn(&Backend) -> bool,
) -> Option<(Backend, Reservation<Upstream>)> {
    let all = balancer.backends().get_backend().len();
    let accept = |backend: &Backend, is_ready| is_ready && accept(backend);
    let mut backend = balancer.select_with(&key(load), all, accept)?;
    let reservation = reservation(&mut backend)?;
    Some((backend, reservation))
}
