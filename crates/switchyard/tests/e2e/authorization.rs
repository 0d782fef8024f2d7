//! Tokens that scrapes and sources carry: to whom they go, and files that change or don't fit.

use std::{
    fs,
    process::Command,
    sync::{Arc, Mutex},
};

use nix::sys::signal::Signal;
use switchyard_faults::{
    Act, Scripted,
    fault::{answer, booked, gauge},
};
use tempfile::TempDir;

use crate::rig::{Proxy, replace, until, yaml};

/// A substation whose page wants this token. It books charges from anyone.
fn guarded(token: &Arc<Mutex<String>>) -> Scripted {
    let token = Arc::clone(token);
    Scripted::start(move |request| {
        let wanted = format!("authorization: Bearer {}\r\n", token.lock().unwrap());
        Act::Write(if !request.starts_with("GET /metrics") {
            booked()
        } else if request.contains(&wanted) {
            gauge("0")
        } else if request.contains("authorization") {
            answer("403 Forbidden", "{}")
        } else {
            answer("401 Unauthorized", "{}")
        })
    })
}

fn has_samples(proxy: &Proxy, name: &str) -> bool {
    let status = proxy.status();
    let mut all = status["substations"].as_array().unwrap().iter();
    let one = all.find(|one| one["name"] == name).unwrap();
    one["sample_age_seconds"]
        .as_f64()
        .is_some_and(|age| age < 1.0)
}

#[test]
fn scrapes_carry_the_token_and_a_new_one_counts_at_once() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "sesame-wrong\n").unwrap();
    let token = Arc::new(Mutex::new("sesame-1".to_owned()));
    let (substation, meter) = (guarded(&token), guarded(&token));
    let file = file.display().to_string();
    let extra = format!(
        "load: {{interval: 20ms, authorization: {{credentials_file: {file}}}}}\n\
         feeders: [{{name: above, load: {{address: \"{}\"}}}}]",
        meter.address
    );
    let text =
        yaml(&[substation.address], &extra).replace("{name: s1,", "{name: s1, feeder: above,");
    let mut proxy = Proxy::start_from(&text);
    let line = proxy.logged("Substation gives no load sample");
    assert!(
        line.contains(&format!(
            "status 403: the page does not accept the token in {file}"
        )),
        "{line}"
    );

    replace(&file, "sesame-1\n");
    proxy.signal(Signal::SIGHUP);
    until("samples", || has_samples(&proxy, "s1").then_some(()));
    until("the meter's samples", || {
        (proxy.metric("switchyard_feeder_up{feeder=\"above\"}") == 1.0).then_some(())
    });
    "sesame-2".clone_into(&mut token.lock().unwrap());
    replace(&file, "sesame-2");
    // The file is watched: no signal is needed.
    proxy.logged("Tokens of scrapes and sources replaced");
    until("samples with the new token", || {
        has_samples(&proxy, "s1").then_some(())
    });
    // A file that does not fit changes nothing.
    replace(&file, "two\nlines");
    proxy.signal(Signal::SIGHUP);
    let fault = proxy.logged("load.authorization.credentials_file");
    assert!(fault.contains("must be one line"), "{fault}");

    assert_eq!(proxy.charge("{}").status, 200);
    assert!(
        substation
            .charges()
            .iter()
            .all(|charge| !charge.contains("authorization"))
    );
    let config = String::from_utf8(proxy.get("/config").body).unwrap();
    proxy.signal(Signal::SIGTERM);
    let lines = proxy.logged_until("Proxy stopped").join("\n");
    assert!(proxy.wait().success());
    for text in [config, lines] {
        assert!(
            !text.contains("sesame") && !text.contains("two\n"),
            "{text}"
        );
    }
}

#[test]
fn a_page_that_wants_a_token_says_so_where_none_is_sent() {
    let token = Arc::new(Mutex::new("sesame".to_owned()));
    let substation = guarded(&token);
    let proxy = Proxy::start_from(&yaml(&[substation.address], "load: {interval: 20ms}"));
    let line = proxy.logged("Substation gives no load sample");
    let what =
        "status 401: the page wants a token: name its file in load.authorization.credentials_file";
    assert!(line.contains(what), "{line}");
}

#[test]
fn a_source_gets_its_token_which_is_read_each_time() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "sesame-wrong").unwrap();
    let found = Scripted::working("0");
    let list = format!(
        "[{{\"targets\": [\"{}\"], \"labels\": {{\"name\": \"found\"}}}}]",
        found.address
    );
    let source = Scripted::start(move |request| {
        Act::Write(if request.contains("authorization: Bearer sesame-1\r\n") {
            answer("200 OK", &list)
        } else {
            answer("401 Unauthorized", "{}")
        })
    });
    let extra = format!(
        "discovery: {{http_sd: [{{url: \"http://{}/\", refresh: 100ms, authorization: {{credentials_file: {}}}}}]}}",
        source.address,
        file.display()
    );
    let proxy = Proxy::start_from(&yaml(&[], &extra).replace("substations:\n\n", ""));
    let line = proxy.logged("does not accept the token in authorization.credentials_file");
    assert!(!line.contains("sesame"), "{line}");
    replace(&file, "sesame-1");
    // A source that failed is asked again after its refresh.
    until("the found substation books", || {
        let booked = proxy.charge("{}");
        (booked.status == 200).then_some(())
    });
    fs::remove_file(&file).unwrap();
    let line = proxy.logged("Discovery source failed");
    assert!(line.contains("cannot be read"), "{line}");
    assert!(
        line.contains(&format!(
            "authorization.credentials_file {}",
            file.display()
        )),
        "{line}"
    );
    assert_eq!(
        proxy.charge("{}").status,
        200,
        "the last good answer stands"
    );
}

#[test]
fn a_token_file_that_does_not_fit_is_a_fault_that_names_it() {
    let folder = TempDir::new().unwrap();
    let [empty, torn, none] = ["empty", "torn", "none"].map(|name| folder.path().join(name));
    fs::write(&empty, " \n").unwrap();
    fs::write(&torn, "sesame\nsesame").unwrap();
    let [empty, torn, none] = [empty, torn, none].map(|file| file.display().to_string());
    let extra = format!(
        "load: {{authorization: {{credentials_file: {empty}}}}}\n\
         feeders: [{{name: above, load: {{address: \"127.0.0.1:2\", authorization: {{credentials_file: {torn}}}}}}}]\n\
         discovery: {{http_sd: [{{url: \"http://127.0.0.1:3\", authorization: {{credentials_file: {none}}}}}]}}"
    );
    let file = folder.path().join("switchyard.yaml");
    fs::write(&file, yaml(&["127.0.0.1:1".parse().unwrap()], &extra)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_switchyard"))
        .args(["check", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{said}");
    for (key, file, rule) in [
        ("load", empty, "is empty"),
        ("feeders[0].load", torn, "must be one line"),
        ("discovery.http_sd[0]", none, "cannot be read"),
    ] {
        let fault = format!("{key}.authorization.credentials_file: \"{file}\": {rule}");
        assert!(said.contains(&fault), "{fault} is not in {said}");
    }
    assert!(!said.contains("sesame"), "{said}");
}
