use serde_json::json;

use crate::world::event::Checkpoint;

use super::super::rig::Day;

/// A calm day after its faults, with this on each of two substations.
fn calm(loads: [usize; 2]) -> Day {
    let mut day = Day::new();
    for (at, sessions) in loads.into_iter().enumerate() {
        for number in 0..sessions {
            let (id, session) = (format!("c{at}-{number}.0"), format!("s{at}-{number}"));
            day.ask(&id, 0).book(&id, at, &session).told(&id, &session);
        }
    }
    day.until_calm().reached(Checkpoint::Calm(5));
    day.probe(Checkpoint::Calm(5), "s0", &json!({}))
        .wait(10_000);
    day
}

#[test]
fn a_choice_of_the_emptiest_is_right() {
    let mut day = calm([4, 1]);
    day.ask("c9-0.0", 0).book("c9-0.0", 1, "s1-x");
    day.passes();
}

#[test]
fn another_choice_is_found() {
    let mut day = calm([4, 1]);
    day.ask("c9-0.0", 0).book("c9-0.0", 0, "s0-x");
    day.fails("evenness", "s0-x went to s0, which is 50.0 % full at least");
}

#[test]
fn what_has_just_ended_can_t_be_known() {
    let mut day = calm([4, 4]);
    for number in 0..3 {
        day.release(&format!("s1-{number}"));
    }
    day.ask("c9-0.0", 0).book("c9-0.0", 0, "s0-x");
    day.passes();
}

#[test]
fn a_repeated_key_goes_where_it_belongs() {
    let mut day = calm([4, 1]);
    day.keyed().ask("c9-0.0", 0).told("c9-0.0", "504?");
    day.ask("c9-0.1", 0).book("c9-0.1", 0, "s0-x");
    day.passes();
}

#[test]
fn one_that_its_proxy_does_not_take_for_whole_is_not_judged() {
    let mut day = calm([4, 1]);
    day.reached(Checkpoint::Calm(10));
    day.probe(Checkpoint::Calm(10), "s1", &json!({"distrusted": true}));
    day.ask("c9-0.0", 0).book("c9-0.0", 0, "s0-x");
    day.passes();
}

#[test]
fn one_that_does_not_come_back_into_rotation_is_found() {
    let mut day = calm([0, 0]);
    for number in 0..20 {
        let id = format!("c9-{number}.0");
        day.ask(&id, 0).told(&id, "503");
    }
    day.reached(Checkpoint::Calm(10));
    day.probe(Checkpoint::Calm(10), "s1", &json!({"state": "ejected"}));
    day.fails("evenness", "s1 in state ejected");
}

#[test]
fn several_proxies_are_judged_by_the_mean() {
    let wrong = |count: usize| {
        let mut day = Day::new();
        day.with_proxies(2)
            .until_calm()
            .reached(Checkpoint::Calm(5));
        day.probe(Checkpoint::Calm(5), "s0", &json!({}))
            .wait(10_000);
        for number in 0..count {
            let (id, session) = (format!("c9-{number}.0"), format!("s0-{number}"));
            day.ask(&id, number % 2)
                .book(&id, 0, &session)
                .told(&id, &session);
            day.wait(2_000).release(&session);
            // Half of it stays.
            if number < 6 {
                let id = format!("c8-{number}.0");
                let session = format!("s0-stays{number}");
                day.ask(&id, 0).book(&id, 0, &session).told(&id, &session);
            }
        }
        day.reached(Checkpoint::End);
        day
    };
    wrong(5).passes();
    wrong(60).fails("evenness", "on average");
}
