use std::collections::BTreeMap;

use switchyard_config::Config;
use switchyard_survey::{Known, Page, candidates};

use super::*;
use crate::init::plan::tests::plan;

fn written(plan: &Plan) -> Config {
    let text = text(plan, &Target::Stdout);
    Config::from_yaml(&text, "test").unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn known(page: &str) -> &'static Known {
    let page = Page::read(page.as_bytes());
    candidates(&[&page]).first().unwrap().known.unwrap()
}

#[test]
fn what_is_quoted_means_itself() {
    for text in [
        "a",
        "no",
        "True",
        "null",
        "~",
        "",
        "5",
        "5e3",
        "0x1f",
        "1:30",
        "10.0.0.1:5001",
        "[::1]:5001",
        "a: b",
        "a #b",
        "#a",
        "'",
        "\"",
        "\\",
        "a\nb",
        "- a",
        "{a}",
        "a,b",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a`",
        "a:",
        "://",
        "ü",
        ".5",
        "vllm:num_requests_running + vllm:num_requests_waiting",
        "m{a=\"b, c\"}",
        "site.example:5001",
        "file:a/*.json",
    ] {
        let yaml = format!("{{a: {}, b: x}}", quoted(text));
        let read: BTreeMap<String, String> = yaml_serde::from_str(&yaml).unwrap();
        assert_eq!(read.get("a").map(String::as_str), Some(text), "{yaml}");
        let yaml = format!("a: {}    # why\n", quoted(text));
        let read: BTreeMap<String, String> = yaml_serde::from_str(&yaml).unwrap();
        assert_eq!(read.get("a").map(String::as_str), Some(text), "{yaml}");
    }
}

#[test]
fn every_kind_of_plan_is_a_configuration() {
    let all = [
        "--substation",
        "north=[::1]:5001",
        "no=127.0.0.1:5002",
        "--discover",
        "dns:site:5001",
        "srv:_charge._tcp.site",
        "file:a b/*.json",
        "https://targets.example/list?a=b",
        "--path",
        "/m?a=b",
        "--ca",
        "a b.pem",
        "--token-file",
        "it's.token",
        "--capacity",
        "12.5",
        "--lasts",
        "session",
        "--listen",
        "[::1]:0",
    ];
    let config = written(&plan(&all));
    assert_eq!(config.substations.len(), 2);
    assert!(
        config
            .substations
            .iter()
            .all(|one| one.capacity == Some(12.5))
    );
    let discovery = &config.discovery;
    let sources = (
        discovery.dns.len(),
        discovery.file_sd.len(),
        discovery.http_sd.len(),
    );
    assert_eq!(sources, (2, 1, 1));
    assert_eq!(config.load.path, "/m?a=b");
    assert_eq!(config.charge.lasts.name(), "session");
    assert!(config.load.authorization.is_some() && config.upstream.tls.is_some());
}

#[test]
fn what_a_request_weighs_follows_from_what_the_load_counts() {
    let mut plan = plan(&["--substation", "127.0.0.1:1"]);
    // A substation of its own kind needs no more than the defaults.
    let config = written(&plan);
    assert_eq!(config.charge, switchyard_config::Charge::default());

    plan.unit = Unit::Sessions;
    plan.metric = Some("game_players".to_owned());
    let config = written(&plan);
    assert_eq!((config.charge.default_load, config.routes.len()), (1.0, 0));

    plan.unit = Unit::Requests;
    let config = written(&plan);
    assert_eq!(
        (config.routes.len(), config.charge.lasts.name()),
        (1, "auto")
    );

    plan.known = Some(known(
        "vllm:num_requests_running 1\nvllm:num_requests_waiting 0\n",
    ));
    plan.metric = Some(plan.known.unwrap().load.join(" + "));
    plan.aggregate = Aggregate::Sum;
    plan.capacity = Some(24.0);
    let config = written(&plan);
    let paths: Vec<_> = config
        .routes
        .iter()
        .map(|route| route.path.as_str())
        .collect();
    assert_eq!(paths, ["/v1/models", "/v1/"]);
    assert_eq!(
        (config.admission.queue, config.load.aggregate),
        (1000, Aggregate::Sum)
    );
}

#[test]
fn slow_pages_get_a_pace_that_needs_no_advice() {
    let mut plan = plan(&["--substation", "127.0.0.1:1"]);
    plan.set_pace(std::time::Duration::from_millis(700));
    let config = written(&plan);
    assert_eq!(config.advice(), []);
    assert!(config.load.timeout > std::time::Duration::from_millis(700));
}
