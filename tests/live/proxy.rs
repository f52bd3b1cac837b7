//! A TCP proxy before the API server that can fall silent or go away: what a frozen or killed server looks like to a
//! client, without harming the server that other tests use.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const PASS: u8 = 0;
const FROZEN: u8 = 1;
const GONE: u8 = 2;

pub struct Proxy {
    pub port: u16,
    mode: Arc<AtomicU8>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    over: Arc<AtomicBool>,
}

impl Proxy {
    /// Listens on a port of its own for what goes to this address.
    pub fn before(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mode, open, over) = (Arc::new(AtomicU8::new(PASS)), Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let proxy = Self { port, mode: Arc::clone(&mode), open: Arc::clone(&open), over: Arc::clone(&over) };
        thread::spawn(move || {
            for client in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(client) = client else { continue };
                if mode.load(Ordering::SeqCst) == GONE {
                    drop(client);
                    continue;
                }
                let Ok(upstream) = TcpStream::connect(&server) else { continue };
                let mut streams = open.lock().unwrap();
                streams.push(client.try_clone().unwrap());
                streams.push(upstream.try_clone().unwrap());
                let (from, to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
                let there = Arc::clone(&mode);
                thread::spawn(move || pump(from, to, &there));
                let back = Arc::clone(&mode);
                thread::spawn(move || pump(upstream, client, &back));
            }
        });
        proxy
    }

    /// Passes nothing on, and keeps every connection open: a stopped server.
    pub fn freeze(&self) {
        self.mode.store(FROZEN, Ordering::SeqCst);
    }

    /// Breaks every connection and takes no new one: a killed server.
    pub fn go(&self) {
        self.mode.store(GONE, Ordering::SeqCst);
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Passes on again.
    pub fn come_back(&self) {
        self.mode.store(PASS, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        self.go();
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

#[expect(clippy::disallowed_methods, reason = "a thread of the test's own")]
fn pump(mut from: TcpStream, mut to: TcpStream, mode: &AtomicU8) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        while mode.load(Ordering::SeqCst) == FROZEN {
            thread::sleep(Duration::from_millis(20));
        }
        if mode.load(Ordering::SeqCst) == GONE || to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
