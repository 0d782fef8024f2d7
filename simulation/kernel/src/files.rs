//! Descriptors and what they stand for.
//!
//! The descriptors of simulated files are above all that the real kernel gives, so a number alone says whose it is.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::{Ipv4Addr, SocketAddrV4},
};

use libc::{EPOLLIN, EPOLLOUT};

use crate::{
    datagrams::Datagrams,
    ends::{End, EndId},
    epoll::Epoll,
};

/// The first descriptor of a simulated file.
const FIRST: i32 = 1 << 20;

/// Connections that wait to be accepted, at most.
const BACKLOG: usize = 4_096;

/// What an open file is.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A socket that is neither connected nor listens.
    Socket {
        domain: i32,
        bound: Option<SocketAddrV4>,
    },
    Listener(Listener),
    Stream(EndId),
    Datagrams(Datagrams),
    Epoll(Epoll),
    /// An eventfd's counter.
    Counter(u64),
}

/// Takes connections.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Where; none for a unix socket.
    pub(crate) address: Option<SocketAddrV4>,
    pub(crate) queue: VecDeque<EndId>,
}

/// An open file, which several descriptors can share.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) kind: Kind,
    pub(crate) descriptors: usize,
    pub(crate) is_nonblocking: bool,
    /// The machine of the process that opened it.
    pub(crate) machine: Ipv4Addr,
    /// The epoll files that watch it, and under which descriptor.
    pub(crate) watchers: Vec<(usize, i32)>,
    /// How long a blocking read may take, in nanoseconds.
    pub(crate) read_timeout: Option<u64>,
    pub(crate) write_timeout: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Descriptor {
    pub(crate) file: usize,
    node: u32,
}

/// All open files and descriptors.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) open: Vec<Option<File>>,
    pub(crate) ends: Vec<End>,
    pub(crate) descriptors: BTreeMap<i32, Descriptor>,
    pub(crate) free: BTreeSet<i32>,
    /// Descriptors that a process had open at its end. They are never given again: what another process still holds of it
    /// (the waker of a task, in one address space with it) must reach no other file.
    pub(crate) dead: BTreeSet<i32>,
    described: i32,
    pub(crate) listeners: BTreeMap<(Ipv4Addr, Ipv4Addr, u16), usize>,
    /// Listeners at unix sockets, by the number of the file system's entry.
    pub(crate) unix: BTreeMap<u64, usize>,
    pub(crate) datagrams: BTreeMap<SocketAddrV4, usize>,
    /// Real descriptors, and the node that opened each.
    real: BTreeMap<i32, u32>,
    next_port: u16,
}

/// Whether the simulated kernel gave this descriptor.
pub(crate) fn is_simulated(descriptor: i32) -> bool {
    descriptor >= FIRST
}

impl Files {
    /// The file of a descriptor.
    pub(crate) fn number(&self, descriptor: i32) -> Option<usize> {
        self.descriptors
            .get(&descriptor)
            .map(|descriptor| descriptor.file)
    }

    pub(crate) fn file(&mut self, number: usize) -> Option<&mut File> {
        self.open.get_mut(number)?.as_mut()
    }

    pub(crate) fn open(&mut self, kind: Kind, machine: Ipv4Addr, is_nonblocking: bool) -> usize {
        self.open.push(Some(File {
            kind,
            descriptors: 0,
            is_nonblocking,
            machine,
            watchers: Vec::new(),
            read_timeout: None,
            write_timeout: None,
        }));
        self.open.len() - 1
    }

    /// A new descriptor of a file, for a process.
    pub(crate) fn describe(&mut self, file: usize, node: u32) -> i32 {
        self.share(file);
        let number = self.free.pop_first().unwrap_or_else(|| {
            self.described += 1;
            FIRST + self.described
        });
        self.descriptors.insert(number, Descriptor { file, node });
        number
    }

    /// A file is kept once more: by a descriptor, or by a message that carries it.
    pub(crate) fn share(&mut self, file: usize) {
        if let Some(file) = self.file(file) {
            file.descriptors += 1;
        }
    }

    /// Whether a process that has ended had this descriptor.
    pub(crate) fn is_dead(&self, descriptor: i32) -> bool {
        self.dead.contains(&descriptor)
    }

    /// How many descriptors a process has, real ones too.
    pub(crate) fn count(&self, node: u32) -> usize {
        let simulated = self
            .descriptors
            .values()
            .filter(|descriptor| descriptor.node == node);
        simulated.count() + self.real.values().filter(|owner| **owner == node).count()
    }

    /// The descriptors of a process: the simulated and the real ones.
    pub(crate) fn of(&self, node: u32) -> (Vec<i32>, Vec<i32>) {
        let simulated = self
            .descriptors
            .iter()
            .filter(|(_, descriptor)| descriptor.node == node);
        let real = self.real.iter().filter(|(_, owner)| **owner == node);
        (
            simulated.map(|(number, _)| *number).collect(),
            real.map(|(number, _)| *number).collect(),
        )
    }

    pub(crate) fn opened_real(&mut self, descriptor: i32, node: u32) {
        self.real.insert(descriptor, node);
    }

    pub(crate) fn closed_real(&mut self, descriptor: i32) {
        self.real.remove(&descriptor);
    }

    /// A port that no other socket has had.
    pub(crate) fn any_port(&mut self) -> u16 {
        self.next_port = self.next_port.wrapping_add(1) % 28_000;
        32_768 + self.next_port
    }

    /// Makes a socket listen. False if another one does, at the same address.
    pub(crate) fn listen(&mut self, file: usize, machine: Ipv4Addr, address: SocketAddrV4) -> bool {
        let key = (machine, *address.ip(), address.port());
        if self.listeners.contains_key(&key) {
            return false;
        }
        self.listeners.insert(key, file);
        self.set_listener(file, Some(address));
        true
    }

    pub(crate) fn set_listener(&mut self, file: usize, address: Option<SocketAddrV4>) {
        if let Some(file) = self.file(file) {
            file.kind = Kind::Listener(Listener {
                address,
                queue: VecDeque::new(),
            });
        }
    }

    /// Whether a socket listens there.
    pub(crate) fn is_taken(&self, machine: Ipv4Addr, address: SocketAddrV4) -> bool {
        self.listeners
            .contains_key(&(machine, *address.ip(), address.port()))
    }

    /// What listens on a machine at this address.
    pub(crate) fn listener(&self, machine: Ipv4Addr, address: SocketAddrV4) -> Option<usize> {
        let at = |ip| self.listeners.get(&(machine, ip, address.port())).copied();
        at(*address.ip()).or_else(|| at(Ipv4Addr::UNSPECIFIED))
    }

    /// The socket that gets datagrams for this address.
    pub(crate) fn datagrams_at(&self, address: SocketAddrV4) -> Option<usize> {
        self.datagrams.get(&address).copied()
    }

    /// Lets a socket get the datagrams for an address. False if another one does.
    pub(crate) fn take_datagrams(&mut self, address: SocketAddrV4, file: usize) -> bool {
        self.datagrams.insert(address, file).is_none()
    }

    pub(crate) fn is_queue_full(&self, listener: usize) -> bool {
        match self.open.get(listener) {
            Some(Some(File {
                kind: Kind::Listener(listener),
                ..
            })) => listener.queue.len() >= BACKLOG,
            _ => false,
        }
    }

    pub(crate) fn enqueue(&mut self, listener: usize, end: EndId) {
        if let Some(File {
            kind: Kind::Listener(listener),
            ..
        }) = self.file(listener)
        {
            listener.queue.push_back(end);
        }
    }

    pub(crate) fn dequeue(&mut self, listener: usize) -> Option<EndId> {
        match self.file(listener) {
            Some(File {
                kind: Kind::Listener(listener),
                ..
            }) => listener.queue.pop_front(),
            _ => None,
        }
    }

    /// What epoll and poll say of a file.
    pub(crate) fn ready(&self, file: usize) -> u32 {
        let Some(Some(file)) = self.open.get(file) else {
            return 0;
        };
        match &file.kind {
            Kind::Socket { .. } => (libc::EPOLLOUT | libc::EPOLLHUP).cast_unsigned(),
            Kind::Listener(listener) if listener.queue.is_empty() => 0,
            Kind::Stream(end) => self.ends[*end].ready(),
            Kind::Datagrams(datagrams) if datagrams.is_empty() => EPOLLOUT.cast_unsigned(),
            Kind::Counter(0) => EPOLLOUT.cast_unsigned(),
            Kind::Datagrams(_) | Kind::Counter(_) => (EPOLLIN | EPOLLOUT).cast_unsigned(),
            Kind::Epoll(epoll) if epoll.has_none() => 0,
            Kind::Listener(_) | Kind::Epoll(_) => EPOLLIN.cast_unsigned(),
        }
    }
}
