/// The version of the library and its commands, as in semantic versioning.
public enum LibraryVersion {
  public static let string = "0.2.0"
}
