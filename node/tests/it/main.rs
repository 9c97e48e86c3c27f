//! The node as its operator meets it: the command line, and imports into the real houses.

mod command_line;
mod imports;
