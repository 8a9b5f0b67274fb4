// An HTTP server for one page on this machine, by GNU libmicrohttpd.
//
// The library is opened when a server is asked for, so nothing links to it and nothing else needs it.
// Its functions are variadic in part, and Swift cannot call such: hence this file.
#ifndef CIFAR_CMICROHTTP_H
#define CIFAR_CMICROHTTP_H

#include <stdbool.h>
#include <stddef.h>

struct microhttp_server;
struct microhttp_connection;

/// What is read of a request. All of it may be anything; NULL is what is not there.
struct microhttp_request {
  const char *method;
  /// Path and query, not decoded.
  const char *target;
  const char *host;
  /// How many Host headers there are.
  int host_count;
  const char *fetch_site;
  const char *if_none_match;
  /// Of the headers' names and values together, in bytes.
  size_t headers_size;
  /// Whether it announces a body.
  bool has_body;
};

struct microhttp_header {
  const char *name;
  const char *value;
};

/// Answers a request by one call of `microhttp_reply`. Runs on the server's thread, one at a time.
typedef void (*microhttp_handler)(
    void *context, const struct microhttp_request *request, struct microhttp_connection *reply);

struct microhttp_limits {
  /// That are open at once: a new one takes the place of the one that was idle for longest.
  unsigned connections;
  /// Of a connection that says nothing.
  unsigned timeout_seconds;
  /// Of a request's path and query, in bytes; longer ones get 414 here.
  size_t target;
  /// Of a request's headers, in bytes; the handler refuses longer ones (`headers_size`).
  size_t headers;
};

/// Begins to answer requests that come to `socket`, which listens; the server closes it.
///
/// Returns NULL with `*reason` set: what could not be opened or found. The text is valid until the
/// next call on this thread.
struct microhttp_server *microhttp_start(
    int socket, struct microhttp_limits limits, microhttp_handler handler, void *context,
    const char **reason);

/// Ends it; no handler runs afterwards.
void microhttp_stop(struct microhttp_server *server);

/// Copies `body` and sends it.
void microhttp_reply(
    struct microhttp_connection *connection, unsigned status, const void *body, size_t size,
    const struct microhttp_header *headers, size_t header_count);

#endif
