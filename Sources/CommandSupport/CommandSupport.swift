// The CommandSupport module.
