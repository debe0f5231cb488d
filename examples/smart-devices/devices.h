// What is in the topics of the smart devices.
#pragma once

#include "json.h"

namespace millrace::examples {

// Topic `devices`, by device.
struct Device {
    std::string home;
    int64_t limit = 0;  // 1/100 °C
    void fields(this auto&& self, auto&& field) {
        field("home", self.home);
        field("limit", self.limit);
    }
};

// Topic `readings`, by device, every 10 seconds.
struct Reading {
    int64_t temperature = 0;  // 1/100 °C
    int64_t milliwatt = 0;
    void fields(this auto&& self, auto&& field) {
        field("temp", self.temperature);
        field("milliwatt", self.milliwatt);
    }
};

}  // namespace millrace::examples
