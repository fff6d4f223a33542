//! The main task: opens the listeners, drives the periodic work, hears signals, ends the server in order.
//!
//! Owns the listeners and the life of the worker pool. Workers that change `bind`, `port` or the like (CONFIG SET) ask
//! this task through a channel and wait for its answer, because only here is the runtime that the listeners live in.

use super::listen::Listeners;
use super::worker::Pool;
use crate::config::{Effect, Settings};
use crate::daemon;
use crate::server::Server;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A change of the listeners that a worker waits for.
struct Rebind {
    settings: Settings,
    answer: SyncSender<Result<(), String>>,
}

/// Serves until SIGTERM, SIGINT or SHUTDOWN; returns when the workers have drained.
///
/// # Errors
/// A runtime, a thread or a listener could not be had.
pub fn serve(server: &Arc<Server>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let pool = Arc::new(Pool::start(server)?);
    let (ask, asked) = unbounded_channel();
    let rebind = move |effect: Effect, settings: &Settings| {
        if effect != Effect::Listeners {
            return Ok(());
        }
        let (answer, answered) = sync_channel(1);
        let gone = || "the server is shutting down".to_owned();
        ask.send(Rebind { settings: settings.clone(), answer }).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    };
    server.set_rebind(Box::new(rebind));
    let result = runtime.block_on(main_task(server, &pool, asked));
    drop(runtime);
    // The listeners' tasks are gone with the runtime, so this is the last handle.
    if let Ok(pool) = Arc::try_unwrap(pool) {
        pool.join();
    }
    tracing::warn!("Ostracon is now ready to exit, bye bye...");
    result
}

async fn main_task(server: &Arc<Server>, pool: &Arc<Pool>, mut asked: UnboundedReceiver<Rebind>) -> io::Result<()> {
    let settings = server.config.current();
    let mut listeners = Listeners::open(&settings, server, pool).map_err(io::Error::other)?;
    tracing::info!("Ready to accept connections");
    if let Err(e) = daemon::notify_ready(&settings) {
        tracing::warn!("Telling the supervisor failed: {e}");
    }
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    loop {
        let period = Duration::from_millis(1000 / u64::from(server.config.current().hz.clamp(1, 500)));
        tokio::select! {
            biased;
            () = server.shutdown.wait() => break,
            _ = terminate.recv() => {
                tracing::warn!("Received SIGTERM scheduling shutdown...");
                break;
            }
            _ = interrupt.recv() => {
                tracing::warn!("Received SIGINT scheduling shutdown...");
                break;
            }
            Some(request) = asked.recv() => {
                let opened = listeners.reopen(&request.settings, server, pool).map_err(|e| e.to_string());
                // A worker that no longer waits has gone with its connection.
                let _ = request.answer.send(opened);
            }
            () = tokio::time::sleep(period) => {}
        }
    }
    tracing::warn!("User requested shutdown...");
    let _ = daemon::notify_stopping(&settings);
    Ok(())
}
