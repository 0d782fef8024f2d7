//! Command lines against the options that they give.

use std::time::Duration;

use requester::{Curve, Energy, Powers};

use super::*;

fn options(command: &str, more: &[&str]) -> Result<Options, String> {
    let usual = ["requester", command, "--target", "http://127.0.0.1:8080"];
    let command = Args::read(usual.iter().chain(more))
        .map_err(|error| error.to_string())?
        .command;
    let common = command.common().unwrap().clone();
    command.options(&common).map_err(|error| error.to_string())
}

fn curve(command: &str, more: &[&str]) -> Curve {
    match options(command, more).unwrap().load {
        Load::Curve(curve) => curve,
        Load::Replay(_) => panic!("not a curve"),
    }
}

#[test]
fn without_options_the_librarys_defaults_apply() {
    let target = "http://127.0.0.1:8080".parse().unwrap();
    let load = Load::Curve(Curve::steady(100.0, Duration::from_secs(10)).unwrap());
    let mut default = Options::new(target, load);
    default.scenario = "steady 100/s for 10s".to_owned();
    assert_eq!(
        format!("{:?}", options("steady", &[]).unwrap()),
        format!("{default:?}")
    );
}

#[test]
fn each_kind_of_load_has_its_curve() {
    let day = curve("rush-hour", &[]);
    assert!((day.expected() - 100_000.0).abs() < 1e-6);
    assert!((day.peak() - 730.0).abs() < 1.0);
    let evening = curve(
        "rush-hour",
        &[
            "--hours",
            "16:00-22:00",
            "--sessions",
            "1000",
            "--duration",
            "1m",
        ],
    );
    assert!(
        (evening.expected() - 643.0).abs() < 2.0,
        "{}",
        evening.expected()
    );
    assert!((curve("spike", &["--duration", "10s"]).expected() - 2800.0).abs() < 1e-6);
    assert!(
        (curve("step", &["--rates", "1,3", "--duration", "10s"]).expected() - 20.0).abs() < 1e-6
    );
    assert!((curve("trapezoid", &["--duration", "10s"]).expected() - 3500.0).abs() < 1e-6);
}

#[test]
fn a_rush_hour_takes_the_energy_of_its_profile_by_default() {
    let energy = |more: &[&str]| options("rush-hour", more).unwrap().cars.energy_kwh;
    assert_eq!(energy(&[]), "home".parse().unwrap());
    assert_eq!(energy(&["--profile", "work"]), "work".parse().unwrap());
    assert_eq!(
        energy(&["--profile", "work", "--energy-kwh", "5"]),
        Energy::Fixed(5.0)
    );
    assert_eq!(
        options("steady", &[]).unwrap().cars.energy_kwh,
        Energy::Fixed(11.0)
    );
}

#[test]
fn powers_are_a_list_or_repeated_options() {
    let expected = Powers::even(&[11.0, 22.0]).unwrap();
    for powers in [
        &["--power-kw", "11,22"][..],
        &["--power-kw", "11", "22"],
        &["--power-kw", "11", "--power-kw", "22"],
    ] {
        assert_eq!(options("steady", powers).unwrap().cars.powers_kw, expected);
    }
}

#[test]
fn a_substation_has_its_given_name() {
    let given = [
        "--substation",
        "north=http://127.0.0.1:5001",
        "--substation",
        "http://[::1]:5002/a=b",
    ];
    let watched = options("steady", &given).unwrap().watch.substations;
    let names: Vec<_> = watched.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["north", "::1:5002"]);
}

#[test]
fn an_invalid_value_is_refused_with_its_option() {
    for (command, option, value) in [
        ("steady", "--rate", "0"),
        ("steady", "--rate", "-1"),
        ("steady", "--power-kw", "-3"),
        ("steady", "--energy-kwh", "NaN"),
        ("steady", "--duration", "0s"),
        ("steady", "--connections", "0"),
        ("steady", "--malformed", "-0.5"),
        ("steady", "--early-unplug", "0.5"),
        ("rush-hour", "--sessions", "-1"),
        ("rush-hour", "--duration", "0s"),
        ("trapezoid", "--ramp", "0.7"),
    ] {
        let fault = options(command, &[option, value]).unwrap_err();
        assert!(fault.starts_with(option), "{fault}");
    }
    let fault = options("steady", &["--fail-if", "p98>1ms"]).unwrap_err();
    assert!(
        fault.contains("p98") && fault.contains("known are p50"),
        "{fault}"
    );
}

#[test]
fn the_man_pages_say_what_the_command_line_does() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/man");
    let checked = switchyard_manual::check(&folder, Args::command(), &help::sections);
    assert_eq!(checked, Ok(()));
}

#[test]
fn no_line_of_the_help_is_broken() {
    let text = help::all();
    let long: Vec<_> = text
        .lines()
        .filter(|line| line.chars().count() > 100)
        .collect();
    assert_eq!(long, [""; 0]);
}
