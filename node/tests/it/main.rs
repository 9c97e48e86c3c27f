//! The node as its operator meets it: the command line, and imports into the real houses.

mod backup;
mod cluster;
mod command_line;
mod export_all;
mod imports;
mod moving;
mod printed_schema;
