use nix::sys::signal::{self, raise};

use super::*;

#[tokio::test]
async fn each_watcher_sees_every_signal() {
    let mut first = Termination::watch().unwrap();
    let mut second = Termination::watch().unwrap();
    raise(signal::SIGTERM).unwrap();
    first.next().await;
    second.next().await;
    raise(signal::SIGINT).unwrap();
    first.next().await;
    second.next().await;
}

#[tokio::test]
async fn a_watch_resolves_once_for_each_signal_of_its_kind() {
    let (mut hangup, mut user) = (Watch::hangup(), Watch::user_defined2());
    raise(signal::SIGHUP).unwrap();
    hangup.next().await;
    raise(signal::SIGUSR2).unwrap();
    user.next().await;
    raise(signal::SIGHUP).unwrap();
    hangup.next().await;
}
