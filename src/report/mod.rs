//! From rows to the bytes of report files.

pub mod csv;

pub mod plain;
