//! `cargo xtask serve`: the page on this machine, with the headers that give it threads.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::thread;

use anyhow::{Result, anyhow};
use clap::Args as ClapArgs;
use tiny_http::{Header, Method, Request, Response, Server};

use crate::dist;

/// Answering threads; browsers open six connections.
const THREADS: usize = 6;

/// With these a page may share memory between its workers.
const ISOLATION: [(&str, &str); 3] = [
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
];

#[derive(ClapArgs)]
pub struct Args {
    /// Port; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Do not open a browser
    #[arg(long)]
    no_open: bool,
    /// Without the isolation headers, as plain hosts serve it
    #[arg(long)]
    no_isolation: bool,
    /// Leave wasm-opt out, even where it is installed
    #[arg(long)]
    no_opt: bool,
}

/// Builds what is stale, then serves until it is stopped.
///
/// # Errors
/// When the build fails or the port is taken.
pub fn run(args: &Args) -> Result<()> {
    let dist = dist::build(!args.no_opt)?;
    let server = serve(dist, args.port, !args.no_isolation)?;
    println!("http://{}/  (Ctrl-C ends it)", server.address);
    if !args.no_open && opener::open(format!("http://{}/", server.address)).is_err() {
        println!("no browser to open");
    }
    for thread in server.threads {
        let _ = thread.join();
    }
    Ok(())
}

/// A server that runs.
pub struct Running {
    pub address: SocketAddr,
    threads: Vec<thread::JoinHandle<()>>,
}

/// Serves a folder on loopback.
///
/// # Errors
/// When the port is taken.
pub fn serve(dir: PathBuf, port: u16, isolation: bool) -> Result<Running> {
    let server = Server::http((Ipv4Addr::LOCALHOST, port))
        .map_err(|error| anyhow!("port {port}: {error}; try --port 0"))?;
    let address = server
        .server_addr()
        .to_ip()
        .ok_or_else(|| anyhow!("no address"))?;
    let shared = Arc::new((server, dir));
    let threads = (0..THREADS)
        .map(|_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (server, dir) = &*shared;
                for request in server.incoming_requests() {
                    // The browser went away: nothing to tell anybody.
                    let _ = answer(request, dir, isolation);
                }
            })
        })
        .collect();
    Ok(Running { address, threads })
}

fn answer(request: Request, dir: &Path, isolation: bool) -> std::io::Result<()> {
    let found = find(dir, request.url());
    let opened = found.and_then(|path| Some((File::open(&path).ok()?, path)));
    let readable = matches!(request.method(), Method::Get | Method::Head);
    let Some((file, path)) = opened.filter(|_| readable) else {
        return request.respond(Response::from_string("not found").with_status_code(404));
    };
    let mime = mime_guess::from_path(&path).first_or_octet_stream();
    let charset = if mime.type_() == "text" {
        "; charset=utf-8"
    } else {
        ""
    };
    let mut response = Response::from_file(file);
    response.add_header(header("Content-Type", &format!("{mime}{charset}")));
    // A rebuilt page must show up at the next reload.
    response.add_header(header("Cache-Control", "no-cache"));
    if isolation {
        for (name, value) in ISOLATION {
            response.add_header(header(name, value));
        }
    }
    request.respond(response)
}

/// The file of an address: never outside the folder.
fn find(dir: &Path, url: &str) -> Option<PathBuf> {
    let path = url.split(['?', '#']).next()?;
    let path = Path::new(path.trim_start_matches('/'));
    let inside = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let full = dir.join(path);
    let full = if full.is_dir() {
        full.join("index.html")
    } else {
        full
    };
    inside.then_some(full)
}

fn header(name: &str, value: &str) -> Header {
    // All names and values here are ASCII without line ends.
    Header::from_bytes(name, value).unwrap_or_else(|()| unreachable!("{name}: {value}"))
}
