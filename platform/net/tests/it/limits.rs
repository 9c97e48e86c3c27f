//! Limits on size, time and number, and what every answer carries.
