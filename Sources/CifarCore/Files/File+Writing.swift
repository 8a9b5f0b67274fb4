import Glibc

extension File {
  /// Writes all of it where the file stands, which is its end if it was opened to append.
  ///
  /// - Parameters:
  ///   - mayBreak: whether the file may be a pipe whose reader goes: see `PipeSignal`.
  ///   - check: is called before every piece that the system takes; may throw to end it.
  /// - Throws: `diskFull`, `io`; what `check` throws.
  public func write(
    _ bytes: UnsafeRawBufferPointer, mayBreak: Bool = false, check: () throws -> Void = {}
  ) throws {
    let descriptor = descriptor
    func attempt(_ rest: UnsafeRawBufferPointer) -> (Int, Int32) {
      let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      return (count, errno)
    }
    let code = try File.put(bytes, check: check) { rest, _ in
      mayBreak ? PipeSignal.blocked { attempt(rest) } : attempt(rest)
    }
    if code != 0 { throw FileFailure.error("write", name, code) }
  }

  public func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

  /// Writes all of it from a place on.
  public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    let code = File.put(bytes, check: File.never) { rest, written in
      let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + written))
      return (count, errno)
    }
    if code != 0 { throw FileFailure.error("write", name, code) }
  }

  /// Writes all of it to a descriptor that is open, such as standard output.
  /// - Returns: 0, or the `errno` of what failed.
  package static func put(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
    put(bytes, check: File.never) { rest, _ in
      let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if count < 0, errno == EAGAIN {
        // Another program of the same terminal made it non-blocking.
        var output = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&output, 1, -1)
        return (-1, EINTR)
      }
      return (count, errno)
    }
  }

  /// Ends nothing.
  private static func never() {}

  private static func put(
    _ bytes: UnsafeRawBufferPointer, check: () throws -> Void,
    _ attempt: (_ rest: UnsafeRawBufferPointer, _ written: Int) -> (count: Int, code: Int32)
  ) rethrows -> Int32 {
    var written = 0
    while written < bytes.count {
      try check()
      let (count, code) = attempt(UnsafeRawBufferPointer(rebasing: bytes[written...]), written)
      if count > 0 {
        written += count
      } else if count == 0 {
        return EIO
      } else if code != EINTR {
        return code
      }
    }
    return 0
  }

  public func truncate(to size: Int) throws {
    guard uninterrupted({ ftruncate(descriptor, off_t(size)) }) == 0 else {
      throw FileFailure.error("write", name, errno)
    }
  }

  /// Puts what was written to the disk. What has no disk, such as a pipe, needs none.
  /// - Parameter onlyData: whether the times of the file may come later.
  public func sync(onlyData: Bool = false) throws {
    let result = uninterrupted { onlyData ? fdatasync(descriptor) : fsync(descriptor) }
    guard result == 0 || errno == EINVAL else { throw FileFailure.error("write", name, errno) }
  }
}

/// SIGPIPE, which would end a host whose pipe has lost its reader: the write's error says it too.
private enum PipeSignal {
  /// Runs `body` with the signal blocked in this thread, and takes back one that it caused.
  static func blocked<Result>(_ body: () -> Result) -> Result {
    var pipe = sigset_t()
    sigemptyset(&pipe)
    sigaddset(&pipe, SIGPIPE)
    var pending = sigset_t()
    sigpending(&pending)
    let wasPending = sigismember(&pending, SIGPIPE) == 1
    var before = sigset_t()
    pthread_sigmask(SIG_BLOCK, &pipe, &before)
    defer {
      if !wasPending {
        var now = timespec(tv_sec: 0, tv_nsec: 0)
        while sigtimedwait(&pipe, nil, &now) < 0, errno == EINTR {}
      }
      pthread_sigmask(SIG_SETMASK, &before, nil)
    }
    return body()
  }
}
