/* The transport by MPI. MPI counts bytes in an int, so long messages are sent in parts. */
#include "train/transport.h"

#include <mpi.h>
#include <stdlib.h>

enum { PART = 1 << 28, TAG = 1 };

void transport_open(int *rank, int *ranks)
{
	int provided;
	MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
	MPI_Comm_rank(MPI_COMM_WORLD, rank);
	MPI_Comm_size(MPI_COMM_WORLD, ranks);
}

void transport_close(void) { MPI_Finalize(); }

static int part_of(size_t bytes) { return bytes < PART ? (int)bytes : PART; }

void transport_send(int to, const void *p, size_t bytes)
{
	const char *at = p;
	for (int n; bytes; at += n, bytes -= (size_t)n) {
		n = part_of(bytes);
		MPI_Send(at, n, MPI_BYTE, to, TAG, MPI_COMM_WORLD);
	}
}

void transport_receive(int from, void *p, size_t bytes)
{
	char *at = p;
	for (int n; bytes; at += n, bytes -= (size_t)n) {
		n = part_of(bytes);
		MPI_Recv(at, n, MPI_BYTE, from, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	}
}

void transport_broadcast(void *p, size_t bytes)
{
	char *at = p;
	for (int n; bytes; at += n, bytes -= (size_t)n) {
		n = part_of(bytes);
		MPI_Bcast(at, n, MPI_BYTE, 0, MPI_COMM_WORLD);
	}
}
