//! Looks at real sockets, of pages good and hostile.

use switchyard_faults::{Act, Scripted, fault};

use super::*;

fn config(load: &str) -> Config {
    let yaml =
        format!("substations: [{{name: a, address: 127.0.0.1:1}}]\nload: {{timeout: 20s, {load}}}");
    Config::from_yaml(&yaml, "test").unwrap()
}

async fn look(config: &Config, script: impl Fn(&str) -> Act + Send + Sync + 'static) -> Look {
    let scripted = Scripted::start(script);
    let surveyor = Surveyor::new(config).unwrap();
    let substation = Substation::new("a".to_owned(), scripted.address);
    surveyor.look(&substation).await
}

fn served(page: &str) -> impl Fn(&str) -> Act + Send + Sync + 'static {
    let answer = fault::page(page);
    move |_| Act::Write(answer.clone())
}

#[tokio::test]
async fn a_look_takes_the_sample_that_the_ledger_takes() {
    let look = look(
        &config(""),
        served("substation_current_load 22\nsubstation_capacity 500\n"),
    )
    .await;
    let reading = look.sample.unwrap();
    assert_eq!(reading.load.units(), 22.0);
    assert_eq!(reading.capacity.map(Load::units), Some(500.0));
    assert_eq!((look.status, look.page.series.len()), (Some(200), 2));
}

#[tokio::test]
async fn what_is_no_page_of_metrics_says_what_it_is() {
    let config = config("");
    let html = "<!doctype html>\n<html><body>Log in</body></html>\n";
    for (act, why) in [
        (
            Act::Write(fault::page(html)),
            "the page is HTML and no metrics",
        ),
        (Act::Write(fault::page("")), "the page is empty"),
        (
            Act::Write(fault::page("\u{0}\u{1}\u{2}\n\u{7f}ELF")),
            "no line of the page is a metric",
        ),
        (
            Act::Write(fault::answer("404 Not Found", "{}")),
            "status 404 instead of 200",
        ),
        (
            Act::Write(fault::answer("401 Unauthorized", "{}")),
            "status 401: the page wants a token",
        ),
        (
            Act::WriteAndClose(b"SSH-2.0-x\r\n".to_vec()),
            "the answer can't be read",
        ),
        (Act::WriteAndReset(Vec::new()), "cannot connect"),
    ] {
        let look = look(&config, move |_| act.clone()).await;
        let told = look.no_page().unwrap();
        assert!(told.starts_with(why), "{why}: {told}");
        assert!(look.sample.is_err(), "{why}");
    }
}

#[tokio::test]
async fn a_page_without_end_and_one_that_is_too_large_end_the_look() {
    let huge = vec![b'x'; 5 << 20];
    let length = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", huge.len());
    let too_large = [length.as_bytes(), &huge].concat();
    let look_at = look(&config(""), move |_| Act::WriteAndClose(too_large.clone())).await;
    assert!(
        look_at
            .no_page()
            .unwrap()
            .starts_with("the answer can't be read")
    );
    assert!(look_at.size <= 4 << 20, "{}", look_at.size);

    let yaml = "substations: [{name: a, address: 127.0.0.1:1}]\nload: {timeout: 200ms}";
    let quick = Config::from_yaml(yaml, "test").unwrap();
    let drip = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), b"up 1\n".repeat(1000)].concat();
    let slow = look(&quick, move |_| {
        Act::Drip(drip.clone(), Duration::from_millis(5))
    })
    .await;
    assert!(
        slow.no_page()
            .unwrap()
            .starts_with("no complete answer within 200ms")
    );
}

#[tokio::test]
async fn many_are_looked_at_in_their_order() {
    let pages: Vec<_> = (0..100)
        .map(|at| Scripted::start(served(&format!("substation_current_load {at}\n"))))
        .collect();
    let substations: Vec<_> = pages
        .iter()
        .map(|one| Substation::new(one.address.to_string(), one.address))
        .collect();
    let surveyor = Arc::new(Surveyor::new(&config("")).unwrap());
    let looks = look_at_all(surveyor, &substations).await;
    for (at, look) in (0_u32..).zip(&looks) {
        assert_eq!(look.sample.as_ref().unwrap().load.units(), f64::from(at));
    }
    assert_eq!(looks.len(), 100);
}

#[tokio::test]
async fn a_file_that_can_t_be_used_is_named_with_its_key() {
    for (yaml, key) in [
        (
            "load: {authorization: {credentials_file: /none}}",
            "load.authorization.credentials_file",
        ),
        ("upstream: {tls: {ca: /none}}", "upstream.tls.ca"),
    ] {
        let yaml = format!("substations: [{{name: a, address: 127.0.0.1:1}}]\n{yaml}");
        let config = Config::from_yaml(&yaml, "test").unwrap();
        let fault = Surveyor::new(&config).unwrap_err();
        assert_eq!(
            (fault.path.as_str(), fault.value.as_str()),
            (key, "\"/none\"")
        );
    }
}
