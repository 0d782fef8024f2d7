//! Proxies that can be killed, restarted and upgraded while clients look up where they listen.

use std::{
    net::SocketAddr,
    sync::{Arc, RwLock},
};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::rig::{Proxy, yaml};

/// Where each proxy of the fleet listens now.
#[derive(Clone)]
pub(super) struct Addresses(Arc<RwLock<Vec<SocketAddr>>>);

impl Addresses {
    pub(super) fn of(&self, at: usize) -> SocketAddr {
        self.0.read().unwrap()[at]
    }

    pub(super) fn count(&self) -> usize {
        self.0.read().unwrap().len()
    }

    /// One of the others, at random.
    pub(super) fn another(&self, than: usize) -> usize {
        let all = self.count();
        (than + fastrand::usize(1..all)) % all
    }
}

/// The running proxies.
pub(super) struct Fleet {
    members: Vec<Member>,
    pub(super) addresses: Addresses,
    substations: Vec<SocketAddr>,
    extra: String,
    /// Replaced ones that may still have idle clients.
    replaced: Vec<Proxy>,
}

struct Member {
    proxy: Proxy,
    /// For the socket of upgrades, and for whatever the configuration calls `{folder}`.
    folder: TempDir,
}

impl Member {
    fn is_sound(&self) {
        assert_eq!(self.proxy.metric("switchyard_panics_total"), 0.0);
    }
}

impl Fleet {
    /// Starts `proxies` with `extra` in the configuration, in which `{folder}` is each one's own folder.
    pub(super) fn start(proxies: usize, substations: &[SocketAddr], extra: &str) -> Self {
        let members: Vec<_> = (0..proxies)
            .map(|_| {
                let folder = TempDir::new().unwrap();
                let yaml = yaml(substations, &in_folder(extra, &folder));
                let proxy = launch(&folder, &yaml, &[]);
                Member { proxy, folder }
            })
            .collect();
        let addresses = members.iter().map(|member| member.proxy.charge).collect();
        Self {
            members,
            addresses: Addresses(Arc::new(RwLock::new(addresses))),
            substations: substations.to_vec(),
            extra: extra.to_owned(),
            replaced: Vec::new(),
        }
    }

    pub(super) fn proxy(&self, at: usize) -> &Proxy {
        &self.members[at].proxy
    }

    /// Kills it with SIGKILL, and starts another in its place.
    pub(super) fn kill(&mut self, at: usize) {
        self.restart(at, Signal::SIGKILL);
    }

    /// Ends it with SIGTERM, and starts another in its place.
    pub(super) fn stop(&mut self, at: usize) {
        self.restart(at, Signal::SIGTERM);
    }

    fn restart(&mut self, at: usize, signal: Signal) {
        self.members[at].is_sound();
        let member = &mut self.members[at];
        member.proxy.signal(signal);
        member.proxy.wait();
        let yaml = yaml(&self.substations, &in_folder(&self.extra, &member.folder));
        member.proxy = launch(&member.folder, &yaml, &[]);
        self.moved(at);
    }

    /// Lets another process take over from it.
    pub(super) fn upgrade(&mut self, at: usize) {
        self.members[at].is_sound();
        let member = &mut self.members[at];
        let yaml = yaml(&self.substations, &in_folder(&self.extra, &member.folder));
        let yaml = yaml
            .replacen(
                "listen: 127.0.0.1:0",
                &format!("listen: {}", member.proxy.charge),
                1,
            )
            .replacen(
                "listen: 127.0.0.1:0",
                &format!("listen: {}", member.proxy.admin),
                1,
            );
        let next = launch(&member.folder, &yaml, &["--upgrade"]);
        next.logged("took over from the old one");
        self.replaced
            .push(std::mem::replace(&mut member.proxy, next));
        self.moved(at);
    }

    /// Nothing in the proxies that run has panicked.
    pub(super) fn is_sound(&self) {
        self.members.iter().for_each(Member::is_sound);
    }

    /// Waits until the processes that others took over from have ended well.
    pub(super) fn replaced_have_ended(&mut self) {
        for mut proxy in self.replaced.drain(..) {
            assert!(proxy.wait().success());
        }
    }

    fn moved(&self, at: usize) {
        self.addresses.0.write().unwrap()[at] = self.members[at].proxy.charge;
    }
}

fn in_folder(extra: &str, folder: &TempDir) -> String {
    extra.replace("{folder}", folder.path().to_str().unwrap())
}

/// Starts a proxy that meets others in this folder, and waits until it is ready.
fn launch(folder: &TempDir, yaml: &str, more: &[&str]) -> Proxy {
    let proxy = Proxy::launch(yaml, |command| {
        command
            .arg("--upgrade-socket")
            .arg(folder.path().join("private/upgrade.sock"))
            .args(more);
    });
    proxy.wait_until_ready();
    proxy
}
