//! The functions that the page may call. No other module of the crate depends on a browser.
//!
//! Everything runs in the coordinator worker (`www/engine/coordinator.js`), which owns the `Engine`; captures are measured in the pool.
//! Values are passed as plain objects, bytes as `Uint8Array`.

// Other targets compile the messages only to generate the page's types.
#[cfg_attr(not(target_arch = "wasm32"), expect(dead_code))]
mod messages;
#[cfg_attr(not(target_arch = "wasm32"), expect(dead_code))]
mod sample;
#[cfg(test)]
mod types;

#[cfg(target_arch = "wasm32")]
pub mod about;
#[cfg(target_arch = "wasm32")]
pub mod convert;
#[cfg(target_arch = "wasm32")]
pub mod engine;
#[cfg(target_arch = "wasm32")]
mod inspect;
#[cfg(target_arch = "wasm32")]
pub mod pack;
#[cfg(target_arch = "wasm32")]
pub mod session;
#[cfg(target_arch = "wasm32")]
mod source;
#[cfg(target_arch = "wasm32")]
mod value;

/// The pool on Web Workers: `initThreadPool` in JavaScript, and what its helper `www/engine/start-pool.js` calls.
#[cfg(all(target_arch = "wasm32", feature = "threads"))]
pub use wasm_bindgen_rayon::init_thread_pool;
