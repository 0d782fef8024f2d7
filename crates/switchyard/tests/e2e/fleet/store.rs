//! The store of a fleet: a `redis-server` of this machine that loses nothing when it is killed.

use switchyard_faults::RedisServer;

/// Starts an empty one.
pub(super) fn start() -> RedisServer {
    RedisServer::start_with(&[
        // A write is on the disk before its answer leaves. With `everysec` not even the file has it for sure: the store
        // does not write to a file that is being synchronised.
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--enable-debug-command",
        "yes",
    ])
}

/// The configuration of a proxy that uses it.
pub(super) fn yaml(store: &RedisServer) -> String {
    format!("fleet: {{store: \"{}\"}}\n", store.store())
}

/// Gives a command, which has to succeed.
pub(super) fn tell(store: &RedisServer, command: &str) {
    assert_eq!(store.ask(command.split(' ')), "OK", "{command}");
}

/// Kills it, and starts it again with what its log of writes has.
pub(super) fn restart(store: &mut RedisServer) {
    store.kill();
    store.start_again();
}
