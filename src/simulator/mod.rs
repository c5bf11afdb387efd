//! A Graph of your own on loopback.
