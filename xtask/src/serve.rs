//! `cargo xtask serve`: serves the page on this machine, with the headers that threads need.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use anyhow::{Context, Result};
use axum::Router;
use axum::handler::HandlerWithoutStateExt;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::map_response;
use axum::response::Response;
use clap::Args as ClapArgs;
use tower_http::services::ServeDir;

use crate::dist;

/// Headers that allow a page to share memory between its workers.
const ISOLATION: [(&str, &str); 3] = [
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Keeps other sites from showing this page in a frame. Browsers accept this only as a header, not in the page's
/// `<meta>`.
const FRAMES: &str = "frame-ancestors 'self'";

#[derive(ClapArgs)]
pub struct Args {
    /// Port to listen on; 0 picks a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Do not open a browser
    #[arg(long)]
    no_open: bool,
    /// Omit the isolation headers, as plain static hosts do
    #[arg(long)]
    no_isolation: bool,
    /// Skip wasm-opt, even if it is installed
    #[arg(long)]
    no_opt: bool,
    /// Serve dist/ as it was last built
    #[arg(long)]
    no_build: bool,
}

/// Builds what is stale, then serves until it is stopped.
///
/// # Errors
/// When the build fails or the port is taken.
pub fn run(args: &Args) -> Result<()> {
    // First: a build may take minutes, and would be for nothing.
    let port = bind(args.port)?;
    let dist = if args.no_build {
        dist::built()?
    } else {
        dist::build(!args.no_opt)?
    };
    let server = Server::new(port, dist, !args.no_isolation)?;
    println!("http://{}/  (Ctrl-C ends it)", server.address);
    if !args.no_open && opener::open(format!("http://{}/", server.address)).is_err() {
        println!("no browser could be opened: open this address yourself");
    }
    server.run()
}

/// Binds a port of this machine; connections wait until [`Server::run`].
fn bind(port: u16) -> Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("port {port} can't be used; try --port 0"))
}

/// A server of a folder on a port of this machine.
struct Server {
    address: SocketAddr,
    listener: TcpListener,
    router: Router,
}

impl Server {
    /// A server that waits.
    fn new(listener: TcpListener, dir: PathBuf, isolation: bool) -> Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            router: router(dir, isolation),
        })
    }

    /// Serves requests until the program ends.
    fn run(self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            Ok(axum::serve(listener, self.router).await?)
        })
    }
}

fn router(dir: PathBuf, isolation: bool) -> Router {
    Router::new()
        .fallback_service(ServeDir::new(dir).not_found_service(missing.into_service()))
        .layer(map_response(move |response| {
            with_headers(response, isolation)
        }))
}

async fn missing(address: Uri) -> (StatusCode, String) {
    (StatusCode::NOT_FOUND, format!("{address}: no such file\n"))
}

async fn with_headers(mut response: Response, isolation: bool) -> Response {
    let headers = response.headers_mut();
    // A rebuilt page must appear at the next reload: browsers revalidate each time, by the files' entity tags.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(FRAMES));
    if isolation {
        for (name, value) in ISOLATION {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
    }
    say_utf8(headers);
    response
}

/// Declares UTF-8 for text files; browsers don't assume it.
fn say_utf8(headers: &mut HeaderMap) {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    if let Some(kind) = kind.filter(|kind| kind.starts_with("text/") && !kind.contains("charset"))
        && let Ok(value) = HeaderValue::try_from(format!("{kind}; charset=utf-8"))
    {
        headers.insert(CONTENT_TYPE, value);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpStream;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    /// A server of a small folder, with a file outside of the folder that must not be served.
    fn small(isolation: bool) -> (tempfile::TempDir, SocketAddr) {
        let outer = tempfile::tempdir().expect("a folder");
        let dir = outer.path().join("dist");
        fs::create_dir_all(dir.join("a b")).expect("a folder");
        fs::write(dir.join("index.html"), "<p>kvlens").expect("a file");
        fs::write(dir.join("a b/é%.txt"), "0123456789").expect("a file");
        fs::write(outer.path().join("secret.txt"), "never told").expect("a file");
        let port = bind(0).expect("a free port");
        let server = Server::new(port, dir, isolation).expect("a server");
        let address = server.address;
        thread::spawn(|| server.run());
        (outer, address)
    }

    struct Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    }

    impl Answer {
        fn header(&self, name: &str) -> Option<&str> {
            let mut found = self.headers.iter().filter(|(one, _)| one == name);
            found.next().map(|(_, value)| value.as_str())
        }
    }

    fn connect(address: SocketAddr) -> BufReader<TcpStream> {
        let stream = TcpStream::connect(address).expect("a connection");
        let patience = Some(Duration::from_secs(20));
        stream.set_read_timeout(patience).expect("a time limit");
        BufReader::new(stream)
    }

    fn send(stream: &mut BufReader<TcpStream>, request: &str, headers: &str) {
        let text = format!("{request} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        let sent = stream.get_mut().write_all(text.as_bytes());
        sent.expect("a request sent");
    }

    fn receive(stream: &mut BufReader<TcpStream>, with_body: bool) -> std::io::Result<Answer> {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut headers = Vec::new();
        loop {
            line.clear();
            stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut answer = Answer {
            status: status.expect("a status"),
            headers,
            body: String::new(),
        };
        let length = answer.header("content-length").unwrap_or("0");
        let length: u64 = length.parse().expect("a length");
        if with_body {
            stream.take(length).read_to_string(&mut answer.body)?;
        }
        Ok(answer)
    }

    fn ask(address: SocketAddr, request: &str, headers: &str) -> Answer {
        let mut stream = connect(address);
        send(&mut stream, request, headers);
        receive(&mut stream, !request.starts_with("HEAD")).expect("an answer")
    }

    /// Browsers open several connections at once and keep them open. A server that assigns waiting connections to a
    /// pool of threads may let one wait for as long as the others stay idle.
    #[test]
    fn of_400_connections_that_stay_open_each_is_answered() {
        for round in 0..50 {
            let (_dir, address) = small(true);
            let mut open: Vec<_> = (0..8).map(|_| connect(address)).collect();
            // Two requests over each connection.
            for _ in 0..2 {
                for stream in &mut open {
                    send(stream, "GET /", "");
                }
                for (number, stream) in open.iter_mut().enumerate() {
                    let answer = receive(stream, true).unwrap_or_else(|error| {
                        panic!("round {round}, connection {number}: {error}")
                    });
                    assert_eq!((answer.status, &*answer.body), (200, "<p>kvlens"));
                }
            }
        }
    }

    #[test]
    fn a_port_that_is_taken_is_told_before_anything_is_built() {
        let taken = bind(0).expect("a free port");
        let port = taken.local_addr().expect("its address").port();
        let args = Args {
            port,
            no_open: true,
            no_isolation: false,
            no_opt: true,
            no_build: false,
        };
        let begun = Instant::now();
        let error = run(&args).expect_err("a taken port");
        assert!(error.to_string().contains("try --port 0"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(1));
    }

    #[test]
    fn a_name_with_spaces_and_other_signs_is_found() {
        let (_dir, address) = small(true);
        let answer = ask(address, "GET /a%20b/%C3%A9%25.txt?query", "");
        assert_eq!((answer.status, &*answer.body), (200, "0123456789"));
        let kind = answer.header("content-type");
        assert_eq!(kind, Some("text/plain; charset=utf-8"));
    }

    #[test]
    fn a_head_and_a_range_are_answered_as_such() {
        let (_dir, address) = small(true);
        let head = ask(address, "HEAD /", "");
        assert_eq!(
            (head.status, head.header("content-length")),
            (200, Some("9"))
        );
        let part = ask(address, "GET /a%20b/%C3%A9%25.txt", "Range: bytes=2-4\r\n");
        assert_eq!((part.status, &*part.body), (206, "234"));
        assert_eq!(part.header("content-range"), Some("bytes 2-4/10"));
    }

    #[test]
    fn nothing_outside_the_folder_is_given() {
        let (_dir, address) = small(true);
        for path in [
            "/../secret.txt",
            "/a%20b/../../secret.txt",
            "/%2e%2e/secret.txt",
            "/..%2fsecret.txt",
            "/..%5csecret.txt",
            "//secret.txt",
            "/%00",
        ] {
            let answer = ask(address, &format!("GET {path}"), "");
            assert_eq!(answer.status, 404, "{path}");
            assert!(!answer.body.contains("never told"), "{path}");
        }
        assert_eq!(ask(address, "POST /", "Content-Length: 0\r\n").status, 405);
    }

    #[test]
    fn the_headers_that_give_threads_can_be_left_out() {
        let names = [
            "cross-origin-opener-policy",
            "cross-origin-embedder-policy",
            "cross-origin-resource-policy",
        ];
        for isolation in [true, false] {
            let (_dir, address) = small(isolation);
            let answer = ask(address, "GET /index.html", "");
            for name in names {
                assert_eq!(answer.header(name).is_some(), isolation, "{name}");
            }
            assert_eq!(answer.header("cache-control"), Some("no-cache"));
            let policy = answer.header("content-security-policy");
            assert_eq!(policy, Some("frame-ancestors 'self'"));
        }
    }
}
