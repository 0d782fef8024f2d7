//! The admin port: a service of Pingora's, on the runtime that awaits it.

use std::{net::TcpListener, os::fd::IntoRawFd, sync::Arc};

use parking_lot::Mutex;
use pingora_core::{
    apps::ServerApp,
    listeners::{L4BufferSettings, ListenerConfig},
    server::{Fds, ListenFds, ShutdownWatch},
    services::{Service as _, listening::Service},
};
use tracing::error;

use switchyard_process::vital::VitalTask;

use super::restarted::until_stopped;

/// The listener's name in Pingora's table of inherited sockets.
const INHERITED: &str = "listener";

/// Sizes of Pingora's read and write buffers, in bytes. Its default read buffer takes 64 KiB per connection, also while
/// idle. Requests have a buffer of their own, so there is none here; an answer that fits the write buffer leaves in one
/// write.
const BUFFERS: (usize, usize) = (0, 1460);

/// Runs a service until `stopped` turns true. If it ends before, it is started again with what `app` makes, on the same
/// socket: connections that come meanwhile wait in the socket's queue.
pub(super) async fn serve<A>(
    vital: VitalTask,
    name: &str,
    app: impl Fn() -> A,
    listener: TcpListener,
    stopped: ShutdownWatch,
) where
    A: ServerApp + Send + Sync + 'static,
{
    until_stopped(vital, stopped.clone(), || {
        let (app, listener, stopped) = (app(), listener.try_clone(), stopped.clone());
        async move {
            match listener {
                Ok(listener) => serve_once(name, app, listener, stopped).await,
                Err(error) => error!(name, %error, "Listening socket could not be duplicated"),
            }
        }
    })
    .await;
}

/// Runs a service until `stopped` turns true, or one of its tasks panics.
async fn serve_once<A>(name: &str, app: A, listener: TcpListener, stopped: ShutdownWatch)
where
    A: ServerApp + Send + Sync + 'static,
{
    let mut fds = Fds::new();
    fds.add(INHERITED.to_owned(), listener.into_raw_fd());
    let fds: ListenFds = Arc::new(Mutex::new(fds));
    let mut service = Service::new(name.to_owned(), app);
    let (read, write) = BUFFERS;
    let endpoint = ListenerConfig::tcp(INHERITED).l4_buffer(L4BufferSettings::new(read, write));
    service.add_listener(endpoint);
    service.start_service(Some(fds), stopped, 1).await;
}
