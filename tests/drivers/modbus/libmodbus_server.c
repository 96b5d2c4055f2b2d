/* A Modbus server by libmodbus, not by us: the independent peer of the driver's tests and benches.
 *
 * Usage: server tcp SILENT_UNITS...   (unit numbers that never get an answer); prints its port
 *        server rtu DEVICE UNIT       (9600 8N1); prints "ready"
 * Serves 300 of each kind: register i holds 1000 + i, coil and discrete input i are on when i % 3 == 0.
 * Holding and input registers 200..203 hold the float64 21.5, 210..211 the float32 -3.25 (highest byte first).
 */
#include <errno.h>
#include <modbus.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIZE 300
#define MOST 256

static void put(uint16_t *registers, const void *value, int bytes)
{
    const unsigned char *low_first = value;
    for (int i = 0; i < bytes / 2; i++)
        registers[i] = (uint16_t)(low_first[bytes - 1 - 2 * i] << 8 | low_first[bytes - 2 - 2 * i]);
}

static modbus_mapping_t *mapping(void)
{
    modbus_mapping_t *map = modbus_mapping_new(SIZE, SIZE, SIZE, SIZE);
    for (int i = 0; i < SIZE; i++) {
        map->tab_registers[i] = map->tab_input_registers[i] = (uint16_t)(1000 + i);
        map->tab_bits[i] = map->tab_input_bits[i] = i % 3 == 0;
    }
    double wide = 21.5;
    float narrow = -3.25f;
    put(map->tab_registers + 200, &wide, 8);
    put(map->tab_registers + 210, &narrow, 4);
    put(map->tab_input_registers + 200, &wide, 8);
    put(map->tab_input_registers + 210, &narrow, 4);
    return map;
}

static int serve_rtu(const char *device, int unit)
{
    uint8_t query[MODBUS_RTU_MAX_ADU_LENGTH];
    modbus_t *modbus = modbus_new_rtu(device, 9600, 'N', 8, 1);
    modbus_mapping_t *map = mapping();
    modbus_set_slave(modbus, unit);
    if (modbus_connect(modbus))
        return 1;
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        int got = modbus_receive(modbus, query);
        if (got > 0)
            modbus_reply(modbus, query, got, map);
    }
}

static int listen_on_loopback(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, MOST))
        exit(1);
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static int serve_tcp(const int *silent)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    modbus_t *modbus = modbus_new_tcp("127.0.0.1", 0);
    modbus_mapping_t *map = mapping();
    struct pollfd open_fds[MOST] = {{.fd = listen_on_loopback(), .events = POLLIN}};
    int count = 1;
    while (poll(open_fds, (nfds_t)count, -1) > 0) {
        for (int i = count - 1; i > 0; i--) {
            if (!open_fds[i].revents)
                continue;
            modbus_set_socket(modbus, open_fds[i].fd);
            int got = modbus_receive(modbus, query);
            if (got > 0 && !silent[query[6]])
                modbus_reply(modbus, query, got, map);
            if (got < 0) {
                close(open_fds[i].fd);
                open_fds[i] = open_fds[--count];
            }
        }
        if (open_fds[0].revents & POLLIN && count < MOST) {
            int one = 1, fd = accept(open_fds[0].fd, NULL, NULL);
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            open_fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    int silent[256] = {0};
    if (argc == 4 && !strcmp(argv[1], "rtu"))
        return serve_rtu(argv[2], atoi(argv[3]));
    for (int i = 2; i < argc; i++)
        silent[atoi(argv[i]) & 255] = 1;
    return serve_tcp(silent);
}
