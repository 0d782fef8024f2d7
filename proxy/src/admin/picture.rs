//! Takes the picture that the live page and `switchyard top` show: the whole proxy at one moment, judged.

mod take;
mod traffic;

pub(super) use take::take;
pub(super) use traffic::Meter;
