//! The main task: opens the listeners, drives the periodic work, hears signals, ends the server in order.
//!
//! Owns the listeners and the life of the worker pool. Workers that change `bind`, `port` or the like (CONFIG SET) ask
//! this task through a channel and wait for its answer, because only here is the runtime that the listeners live in.

use super::listen::Listeners;
use super::pool::Pool;
use crate::config::{Effect, Settings};
use crate::exec::Cron;
use crate::server::Server;
use crate::{daemon, logging};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
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
    let on_config = move |effect: Effect, settings: &Settings| {
        match effect {
            Effect::Listeners => {}
            Effect::MaxClients => return daemon::make_room_for(settings.maxclients),
            Effect::Dir => return daemon::enter_dir(settings).map_err(|e| e.to_string()),
            Effect::LogLevel => {
                logging::set_level(settings.loglevel);
                return Ok(());
            }
            _ => return Ok(()),
        }
        let (answer, answered) = sync_channel(1);
        let gone = || "the server is shutting down".to_owned();
        ask.send(Rebind { settings: settings.clone(), answer }).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    };
    // Set once, here: the server has just been made.
    let _ = server.on_config.set(Box::new(on_config));
    let result = runtime.block_on(main_task(server, &pool, asked));
    drop(runtime);
    // The listeners' tasks are gone with the runtime, so this is the last handle.
    if let Ok(pool) = Arc::try_unwrap(pool) {
        pool.join();
    }
    tracing::warn!("Ostracon is now ready to exit, bye bye...");
    result
}

/// Active expiry, time-outs, samples: a tick of [`Cron`] a period. On a thread of its own, because it locks shards: an
/// EXEC that holds them may be waiting for this thread to change the listeners.
async fn periodic_work(server: Arc<Server>) {
    let mut cron = Cron::new();
    loop {
        tokio::time::sleep(Cron::period(&server)).await;
        let mine = Arc::clone(&server);
        let tick = tokio::task::spawn_blocking(move || {
            cron.tick(&mine);
            cron
        });
        // A panic has been logged by its hook; the next tick starts over.
        cron = tick.await.unwrap_or_default();
    }
}

async fn main_task(server: &Arc<Server>, pool: &Arc<Pool>, mut asked: UnboundedReceiver<Rebind>) -> io::Result<()> {
    let settings = server.config.current();
    let mut listeners = Listeners::open(&settings, server, pool).map_err(io::Error::other)?;
    tracing::info!("Ready to accept connections");
    if let Err(e) = daemon::notify_ready(&settings) {
        tracing::warn!("Telling the supervisor failed: {e}");
    }
    let periodic = tokio::spawn(periodic_work(Arc::clone(server)));
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    loop {
        tokio::select! {
            biased;
            () = server.shutdown.wait() => break,
            _ = terminate.recv() => {
                tracing::warn!("Received SIGTERM scheduling shutdown...");
                server.shutdown.ask();
            }
            _ = interrupt.recv() => {
                tracing::warn!("Received SIGINT scheduling shutdown...");
                server.shutdown.ask();
            }
            Some(request) = asked.recv() => {
                let opened = listeners.reopen(&request.settings, server, pool).map_err(|e| e.to_string());
                // A worker that no longer waits has gone with its connection.
                let _ = request.answer.send(opened);
            }
        }
    }
    periodic.abort();
    let _ = daemon::notify_stopping(&settings);
    Ok(())
}
