// Oracles and gradient checks.
