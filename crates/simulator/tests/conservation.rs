//! No load is lost or counted twice, whatever the faults.

use std::time::Duration;

use switchyard_simulator::scenario::{Fault, Sessions};
use switchyard_simulator::{Contender, Scenario, Simulation, catalogue};

/// Few arrivals in a few seconds, with all faults, because each check walks through all planned
/// events.
fn small(scenario: Scenario) -> Scenario {
    let second = Duration::from_secs(1);
    let early = |fault: &Fault| match fault.clone() {
        Fault::DeadGauges { count, .. } => Fault::DeadGauges {
            count,
            from: second,
            until: second * 2,
        },
        Fault::Emptied { .. } => Fault::Emptied { at: second * 2 },
        Fault::Leave { count, .. } => Fault::Leave {
            count,
            from: second,
            until: second * 2,
        },
        Fault::Lies { count, lie, .. } => Fault::Lies {
            count,
            lie,
            from: second,
            until: second * 2,
        },
        Fault::Limit { feeder, part, .. } => Fault::Limit {
            feeder,
            part,
            from: second,
            until: second * 2,
        },
        Fault::Shares { shares, .. } => Fault::Shares {
            at: second * 2,
            shares,
        },
    };
    Scenario {
        rate: 60.0,
        warm_up: Duration::ZERO,
        measured: second * 4,
        sessions: Sessions {
            mean: second,
            ..scenario.sessions
        },
        faults: scenario.faults.iter().map(early).collect(),
        ..scenario
    }
}

#[test]
fn the_load_is_what_was_booked_and_has_not_ended() {
    let trees = ["tree_limit_full_of_four", "tree_houses_full"].map(catalogue::named);
    for scenario in catalogue::all()
        .into_iter()
        .chain(trees.into_iter().flatten())
    {
        for contender in Contender::ALL {
            let about = format!("{} in {}", contender.name(), scenario.name);
            let mut simulation = Simulation::new(&small(scenario.clone()), contender, 7);
            let mut events = 0;
            while simulation.step() {
                events += 1;
                assert_eq!(simulation.check(), Ok(()), "{about}, event {events}");
            }
            assert!(events > 500, "{about}: only {events} events");
            assert_eq!(simulation.check_rest(), Ok(()), "{about}");
        }
    }
}

#[test]
fn a_substation_that_loses_its_sessions_loses_each_of_them_once() {
    let mut scenario = small(catalogue::one_proxy());
    let at = Duration::from_secs(2);
    scenario.faults = vec![Fault::Emptied { at }];
    let mut simulation = Simulation::new(&scenario, Contender::Oracle, 1);
    let first = |s: &Simulation| s.fleet().iter().next().unwrap().load();
    let (mut before, mut lost) = (0, false);
    while simulation.step() {
        assert_eq!(simulation.check(), Ok(()));
        if simulation.now() == at {
            lost = before > 0 && first(&simulation).micros() == 0;
        }
        before = first(&simulation).micros();
    }
    assert!(lost, "all sessions end at that moment");
    assert_eq!(simulation.check_rest(), Ok(()));
}
