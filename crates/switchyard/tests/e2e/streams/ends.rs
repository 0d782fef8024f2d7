//! The end of the process while streams are under way.

use nix::sys::signal::Signal;
use switchyard_faults::Step;

use super::rig::{Rig, Way};
use crate::rig::until;

#[test]
fn a_stream_under_way_is_finished_before_the_process_ends() {
    for way in Way::ALL {
        let steps = vec![
            Step::events(),
            Step::event("one"),
            Step::Await,
            Step::event("two"),
            Step::Chunk(Vec::new()),
        ];
        let mut rig = Rig::start(steps, "");
        let mut exchange = rig.get(way);
        assert_eq!(exchange.head().unwrap().status, 200);
        exchange.expect("data: one\n\n");
        rig.proxy(way).signal(Signal::SIGTERM);
        rig.proxy(way).logged("finishes the requests in flight");
        assert!(rig.proxy_mut(way).is_running(), "{way:?}");
        rig.backend.release(1);
        exchange.expect("data: two\n\n");
        assert_eq!(exchange.rest(), Ok(Vec::new()), "{way:?}");
        drop(exchange);
        assert!(rig.proxy_mut(way).wait().success(), "{way:?}");
        until("the backend is at rest", || {
            (rig.backend.at_work() == 0).then_some(())
        });
    }
}
