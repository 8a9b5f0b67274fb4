// Written by Tools/bindings from include/cifar.h: change the header, then `make bindings`.

/// The version of the library and its commands, as in semantic versioning.
public enum LibraryVersion {
  public static let string = "0.2.0"
  /// As CIFAR_VERSION_NUMBER.
  public static let number = 200
}
