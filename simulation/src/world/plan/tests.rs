use super::*;

#[test]
fn a_seed_is_one_plan() {
    for seed in 0..200 {
        assert_eq!(Plan::of(seed), Plan::of(seed));
    }
    assert_ne!(Plan::of(1), Plan::of(2));
}

#[test]
fn a_plan_is_the_same_after_a_way_through_json() {
    for seed in 0..200 {
        let plan = Plan::of(seed);
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    }
}

#[test]
fn faults_are_over_before_it_is_calm_and_the_calm_has_ten_polls() {
    for seed in 0..500 {
        let plan = Plan::of(seed);
        for fault in &plan.faults {
            assert!(plan.begins <= fault.from, "{seed}: {fault:?}");
            assert!(
                fault.from + fault.lasts <= plan.calm_from,
                "{seed}: {fault:?}"
            );
        }
        assert!(
            plan.ends >= plan.calm_from + plan.settings.interval * 10,
            "{seed}"
        );
    }
}

#[test]
fn what_is_left_out_takes_its_faults_along_and_nothing_else() {
    for seed in 0..200 {
        let plan = Plan::of(seed);
        for part in plan.parts() {
            let less = plan.without(&[part]);
            assert_ne!(less, plan, "{seed}: {part}");
            for fault in &plan.faults {
                let is_left = less.faults.contains(fault);
                let is_of_part = part == Part::Fault(fault.id)
                    || fault.what.machines().any(|machine| match (part, machine) {
                        (Part::Client(id), Machine::Client(of))
                        | (Part::Proxy(id), Machine::Proxy(of))
                        | (Part::Substation(id), Machine::Substation(of)) => id == of,
                        _ => false,
                    });
                assert_eq!(is_left, !is_of_part, "{seed}: {part}, {fault:?}");
            }
        }
        assert_eq!(plan.without(&[]), plan);
    }
}

#[test]
fn a_part_is_read_as_it_is_written() {
    for part in [
        Part::Fault(3),
        Part::Client(0),
        Part::Proxy(15),
        Part::Substation(999),
    ] {
        assert_eq!(part.to_string().parse::<Part>().unwrap(), part);
    }
    for wrong in ["", "fault", "3", "faultx", "meter1"] {
        assert!(wrong.parse::<Part>().is_err(), "{wrong}");
    }
}
