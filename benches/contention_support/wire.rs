//! The same ways behind a socket: a tiny server built of mini-redis's `Connection`, `Frame` and `Command`, driven by
//! mini-redis's client. It shows how much of a command is the wire, and so how much of what the other tables show
//! reaches a client.

use super::Result;
use super::ways::{Message, Session, Way};
use super::workload::{Keys, Load, draw};
use bytes::Bytes;
use mini_redis::{Command, Connection, Frame, client};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// A connection's access to the map from a task: directly, or by messages that are awaited.
enum Access {
    Direct(Box<dyn Session>),
    Messages(mpsc::Sender<Message>),
}

impl Access {
    fn of(way: &dyn Way) -> Self {
        way.channel().map_or_else(|| Self::Direct(way.connect()), Self::Messages)
    }

    async fn get(&mut self, key: &str) -> Option<Bytes> {
        match self {
            Self::Direct(session) => session.get(key),
            Self::Messages(channel) => {
                let (sender, receiver) = oneshot::channel();
                channel.send(Message::Get(key.to_owned(), sender)).await.ok()?;
                receiver.await.ok()?
            }
        }
    }

    async fn set(&mut self, key: &str, value: Bytes) {
        match self {
            Self::Direct(session) => session.set(key, &value),
            Self::Messages(channel) => {
                let (sender, receiver) = oneshot::channel();
                if channel.send(Message::Set(key.to_owned(), value, sender)).await.is_ok() {
                    // An owner that is gone has lost the value with all others; GET will tell.
                    let _ = receiver.await;
                }
            }
        }
    }
}

/// The server: a task a connection. Ends with its runtime.
async fn serve(listener: TcpListener, way: Arc<dyn Way>) {
    while let Ok((socket, _)) = listener.accept().await {
        let access = Access::of(&*way);
        tokio::spawn(async move {
            // A connection that fails is one less.
            let _ = converse(Connection::new(socket), access).await;
        });
    }
}

async fn converse(mut connection: Connection, mut access: Access) -> Result<()> {
    while let Some(frame) = connection.read_frame().await? {
        let reply = match Command::from_frame(frame)? {
            Command::Get(get) => access.get(get.key()).await.map_or(Frame::Null, Frame::Bulk),
            Command::Set(set) => {
                access.set(set.key(), set.value().clone()).await;
                Frame::Simple("OK".to_owned())
            }
            _ => Frame::Error("ERR only GET and SET".to_owned()),
        };
        connection.write_frame(&reply).await?;
    }
    Ok(())
}

async fn listen(way: Arc<dyn Way>) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(serve(listener, way));
    Ok(address)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Runs `load` over `connections` connections for `window` on `way`, which the caller has filled. Server and clients
/// share one runtime with a thread a core. Returns operations a second.
///
/// # Errors
/// A connection that fails.
pub fn run(way: Arc<dyn Way>, keys: &Arc<Keys>, load: Load, connections: usize, window: Duration) -> Result<f64> {
    runtime()?.block_on(async {
        let address = listen(way).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = Vec::new();
        for seed in 0..connections as u64 {
            let client = client::connect(address).await?;
            let operations = draw(load, keys.0.len(), 1 << 12, seed << 32);
            let (keys, stop) = (keys.clone(), stop.clone());
            clients.push(async move {
                let (mut client, mut done) = (client, 0u64);
                for operation in operations.iter().cycle() {
                    let key = &keys.0[operation.key as usize];
                    if operation.write {
                        client.set(key, Keys::value()).await?;
                    } else {
                        client.get(key).await?;
                    }
                    done += 1;
                    if stop.load(Relaxed) {
                        break;
                    }
                }
                Result::Ok(done)
            });
        }
        let began = Instant::now();
        let tasks: Vec<_> = clients.into_iter().map(tokio::spawn).collect();
        tokio::time::sleep(window).await;
        stop.store(true, Relaxed);
        let mut done = 0;
        for task in tasks {
            done += task.await??;
        }
        Ok(done as f64 / began.elapsed().as_secs_f64())
    })
}

/// SETs on one connection and GETs on another: what the second sees.
///
/// # Errors
/// A connection that fails.
pub fn seen_by_another(way: Arc<dyn Way>) -> Result<Option<Bytes>> {
    runtime()?.block_on(async {
        let address = listen(way).await?;
        let (mut one, mut other) = (client::connect(address).await?, client::connect(address).await?);
        one.set("key", Bytes::from_static(b"value")).await?;
        other.get("key").await
    })
}
