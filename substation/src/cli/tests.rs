use super::*;

fn args(more: &[&str]) -> Args {
    let usual = ["substation", "--name", "s", "--capacity-kw", "500,300"];
    Cli::parse_from(usual.iter().chain(more)).run.unwrap()
}

fn planned(more: &[&str]) -> Vec<(String, f64, u16)> {
    let plan = args(more).plan().unwrap();
    plan.into_iter()
        .map(|p| (p.config.name, p.config.capacity_kw, p.listen.port()))
        .collect()
}

#[test]
fn a_single_substation_keeps_its_name_and_several_are_numbered() {
    assert_eq!(
        planned(&["--listen", "127.0.0.1:5001"]),
        [("s".into(), 500.0, 5001)]
    );
    assert_eq!(
        planned(&["--listen", "127.0.0.1:5001", "--count", "3"]),
        [
            ("s1".into(), 500.0, 5001),
            ("s2".into(), 300.0, 5002),
            ("s3".into(), 500.0, 5003)
        ]
    );
    assert_eq!(
        planned(&["--listen", "127.0.0.1:0", "--count", "2"]),
        [("s1".into(), 500.0, 0), ("s2".into(), 300.0, 0)]
    );
}

#[test]
fn delays_repeat_over_the_count_as_capacities_do() {
    let delays = |more: &[&str]| -> Vec<_> {
        let usual = ["--listen", "127.0.0.1:0", "--count", "3"];
        let plan = args(&[&usual, more].concat()).plan().unwrap();
        plan.iter()
            .map(|p| p.config.answer_after.as_millis())
            .collect()
    };
    assert_eq!(delays(&[]), [0, 0, 0]);
    assert_eq!(delays(&["--answer-after", "0s,5ms"]), [0, 5, 0]);
}

#[test]
fn ports_that_do_not_exist_are_refused() {
    assert_eq!(
        planned(&["--listen", "127.0.0.1:65534", "--count", "2"]).len(),
        2
    );
    let fault = args(&["--listen", "127.0.0.1:65534", "--count", "3"])
        .plan()
        .unwrap_err();
    assert!(
        fault.contains("65535") && fault.contains("65534"),
        "{fault}"
    );
}

#[test]
fn an_address_that_programs_read_differently_is_refused() {
    assert_eq!(
        parse_address("[::ffff:127.0.0.1]:5001"),
        Ok("127.0.0.1:5001".parse().unwrap())
    );
    for ambiguous in ["010.0.0.1:5001", "127.1:5001", "0x7f000001:5001", "0:5001"] {
        let told = parse_address(ambiguous).unwrap_err();
        assert!(told.contains("is ambiguous"), "{told}");
    }
}

#[test]
fn the_man_page_says_what_the_command_line_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/man");
    let checked = switchyard_manual::check(
        &folder,
        <Cli as clap::CommandFactory>::command(),
        &help::sections,
    );
    assert_eq!(checked, Ok(()));
}

#[test]
fn no_line_of_the_help_is_broken() {
    let text = help::below();
    let long: Vec<_> = text
        .lines()
        .filter(|line| line.chars().count() > 100)
        .collect();
    assert_eq!(long, [""; 0]);
}
