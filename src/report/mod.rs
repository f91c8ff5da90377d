//! Formatting of report files.

pub mod csv;

pub mod plain;
