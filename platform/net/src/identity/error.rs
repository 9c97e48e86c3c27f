shoal_types::errors! {
    /// What can be wrong with the cluster's secret bundle or with what is made of it.
    pub enum IdentityError {
        /// There is no bundle at the path. `shoal cluster init` makes one; copy it to every machine of the cluster.
        Missing { path: String } => (NotFound, "bundle_missing", "there is no cluster bundle at {path}"),
        /// The bundle cannot be read. Give the user Shoal runs as the right to read it, and nobody else.
        Unreadable { path: String, reason: String } => (Internal, "bundle_unreadable",
            "cannot read the cluster bundle {path}: {reason}"),
        /// The bundle cannot be written. Nothing was changed.
        Unwritable { path: String, reason: String } => (Internal, "bundle_unwritable",
            "cannot write the cluster bundle {path}: {reason}"),
        /// There is a bundle at the path already. To overwrite it would cut its nodes off; choose another path.
        Exists { path: String } => (Conflict, "bundle_exists", "there is a cluster bundle at {path} already"),
        /// The file is no bundle, or was changed by hand. Copy it again from where it was made.
        Malformed { line: usize } => (Malformed, "bundle_malformed",
            "the cluster bundle cannot be read from line {line} on"),
        /// Two parts of the bundle do not belong together. Copy it again from where it was made.
        Inconsistent { part: String } => (Invalid, "bundle_inconsistent",
            "the cluster bundle does not fit together: {part}"),
        /// A cluster's name is 1 to 64 letters, digits, dots, hyphens or underscores.
        InvalidName { name: String } => (Invalid, "cluster_name_invalid",
            "a cluster cannot be named {name}: use 1 to 64 letters, digits, dots, hyphens or underscores"),
        /// A role is 1 to 32 lowercase letters, digits, hyphens or underscores, and a node has at most 32.
        InvalidRole { role: String } => (Invalid, "role_invalid",
            "no certificate can name the role {role}: use 1 to 32 lowercase letters, digits, hyphens or underscores"),
        /// The new bundle is another cluster's. A node stays in the cluster it started in.
        OtherCluster { ours: String, theirs: String } => (Conflict, "bundle_of_other_cluster",
            "this node belongs to the cluster {ours}, the bundle to {theirs}"),
    }
}
