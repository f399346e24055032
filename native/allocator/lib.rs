// Never compiled: cargo wants a target to read a manifest. See Cargo.toml.
