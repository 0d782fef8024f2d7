use super::*;

fn store() -> Arc<Store> {
    Store::new("127.0.0.1:0".parse().unwrap(), Record::begin())
}

fn ask(store: &Store, words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
    store.answer(&words)
}

const CLAIM: &str = "-- claim: KEYS";
const RELEASE: &str = "-- release: KEYS";

#[test]
fn a_key_stays_with_its_first_holder_until_all_askers_have_released_it() {
    let store = store();
    let claim = |asker, candidate| {
        ask(
            &store,
            &["EVAL", CLAIM, "1", "k", asker, candidate, "f", "60000"],
        )
    };
    let release = |asker| ask(&store, &["EVAL", RELEASE, "1", "k", asker]);
    assert_eq!(claim("a1", "s1"), "*2\r\n$2\r\na1\r\n$2\r\ns1\r\n");
    assert_eq!(claim("a2", "s2"), "*2\r\n$2\r\na2\r\n$2\r\ns1\r\n");
    assert_eq!(release("a1"), "*2\r\n$2\r\na1\r\n:0\r\n");
    assert_eq!(release("a2"), "*2\r\n$2\r\na2\r\n:1\r\n");
    assert_eq!(claim("a2", "s2"), "*2\r\n$2\r\na2\r\n$2\r\ns2\r\n");
    let other = ask(
        &store,
        &["EVAL", CLAIM, "1", "k", "a3", "s2", "another", "60000"],
    );
    assert_eq!(other, "*2\r\n$2\r\na3\r\n$-1\r\n");
}

#[test]
fn a_script_is_known_by_its_digest_until_a_restart() {
    let store = store();
    let digest = digest(RELEASE);
    let words = ["EVALSHA", &digest, "1", "k", "a"];
    assert!(ask(&store, &words).starts_with("-NOSCRIPT"));
    ask(&store, &["EVAL", RELEASE, "1", "k", "a"]);
    assert!(ask(&store, &words).starts_with("*2"));
    store.kill(Duration::ZERO);
    store.restart();
    assert!(ask(&store, &words).starts_with("-NOSCRIPT"));
}

#[test]
fn what_is_lost_is_what_was_written_last() {
    let store = store();
    ask(&store, &["HSET", "drains", "s1", "{}"]);
    let early = store.record.now();
    while store.record.now() == early {}
    let since = store.record.now();
    ask(&store, &["HSET", "drains", "s2", "{}"]);
    ask(&store, &["HDEL", "drains", "s1"]);
    store.state().table.lose_since(since);
    assert_eq!(
        ask(&store, &["HGETALL", "drains"]),
        "*2\r\n$2\r\ns1\r\n$2\r\n{}\r\n"
    );
}
