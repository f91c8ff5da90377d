//! Time of C libzstd alone on an analysis's streams.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow};
use kvlens::analysis::{CaptureInfo, Job};
use kvlens::dump::Dump;

use super::streams;

/// Streams are made outside the measured time, in batches of about this many bytes.
const BATCH: usize = 128 << 20;

/// Seconds that `threads` threads need to compress the distinct streams at level 3, from memory to memory, each with
/// its own context and buffer.
///
/// # Errors
/// When a capture can't be read or libzstd fails.
pub fn seconds(dump: &Dump, job: &Job, threads: usize) -> Result<f64> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    let mut seconds = 0.0;
    for (index, fetched) in dump.fetches(job.plan(dump).indices()) {
        let loaded = fetched.and_then(|fetched| fetched.decode())?;
        let info = CaptureInfo::new(index, &dump.captures[index]);
        let streams = streams::of(job, &info, &loaded);
        bytes += streams.iter().map(Vec::len).sum::<usize>();
        batch.extend(streams);
        if bytes > BATCH {
            seconds += compress(&batch, threads)?;
            batch.clear();
            bytes = 0;
        }
    }
    Ok(seconds + compress(&batch, threads)?)
}

fn compress(streams: &[Vec<u8>], threads: usize) -> Result<f64> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        let mut compressor = zstd::bulk::Compressor::new(3)?;
        let mut frame = Vec::new();
        while let Some(stream) = streams.get(next.fetch_add(1, Ordering::Relaxed)) {
            frame.clear();
            frame.reserve(zstd::zstd_safe::compress_bound(stream.len()));
            compressor.compress_to_buffer(stream, &mut frame)?;
        }
        Ok(())
    };
    let start = Instant::now();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| anyhow!("a worker panicked"))?)
    })?;
    Ok(start.elapsed().as_secs_f64())
}
