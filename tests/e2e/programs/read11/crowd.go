// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// Two goroutines write under a mutex, each about once in 0.8 ms, from 150 lines in turn. Seldom one of them writes once more
// right behind that, from another line, without it. Argument: how often; 0s: never.
package main

import (
	"os"
	"sync"
	"time"
)

var (
	mu sync.Mutex
	m  = map[int]int{1: 1, 2: 2}
)

//go:noinline
func forgot(i int) { m[2] = i }

//go:noinline
func locked(i int) {
	mu.Lock()
	switch i % 150 {
	case 0:
		m[1] = i + 0
	case 1:
		m[1] = i + 1
	case 2:
		m[1] = i + 2
	case 3:
		m[1] = i + 3
	case 4:
		m[1] = i + 4
	case 5:
		m[1] = i + 5
	case 6:
		m[1] = i + 6
	case 7:
		m[1] = i + 7
	case 8:
		m[1] = i + 8
	case 9:
		m[1] = i + 9
	case 10:
		m[1] = i + 10
	case 11:
		m[1] = i + 11
	case 12:
		m[1] = i + 12
	case 13:
		m[1] = i + 13
	case 14:
		m[1] = i + 14
	case 15:
		m[1] = i + 15
	case 16:
		m[1] = i + 16
	case 17:
		m[1] = i + 17
	case 18:
		m[1] = i + 18
	case 19:
		m[1] = i + 19
	case 20:
		m[1] = i + 20
	case 21:
		m[1] = i + 21
	case 22:
		m[1] = i + 22
	case 23:
		m[1] = i + 23
	case 24:
		m[1] = i + 24
	case 25:
		m[1] = i + 25
	case 26:
		m[1] = i + 26
	case 27:
		m[1] = i + 27
	case 28:
		m[1] = i + 28
	case 29:
		m[1] = i + 29
	case 30:
		m[1] = i + 30
	case 31:
		m[1] = i + 31
	case 32:
		m[1] = i + 32
	case 33:
		m[1] = i + 33
	case 34:
		m[1] = i + 34
	case 35:
		m[1] = i + 35
	case 36:
		m[1] = i + 36
	case 37:
		m[1] = i + 37
	case 38:
		m[1] = i + 38
	case 39:
		m[1] = i + 39
	case 40:
		m[1] = i + 40
	case 41:
		m[1] = i + 41
	case 42:
		m[1] = i + 42
	case 43:
		m[1] = i + 43
	case 44:
		m[1] = i + 44
	case 45:
		m[1] = i + 45
	case 46:
		m[1] = i + 46
	case 47:
		m[1] = i + 47
	case 48:
		m[1] = i + 48
	case 49:
		m[1] = i + 49
	case 50:
		m[1] = i + 50
	case 51:
		m[1] = i + 51
	case 52:
		m[1] = i + 52
	case 53:
		m[1] = i + 53
	case 54:
		m[1] = i + 54
	case 55:
		m[1] = i + 55
	case 56:
		m[1] = i + 56
	case 57:
		m[1] = i + 57
	case 58:
		m[1] = i + 58
	case 59:
		m[1] = i + 59
	case 60:
		m[1] = i + 60
	case 61:
		m[1] = i + 61
	case 62:
		m[1] = i + 62
	case 63:
		m[1] = i + 63
	case 64:
		m[1] = i + 64
	case 65:
		m[1] = i + 65
	case 66:
		m[1] = i + 66
	case 67:
		m[1] = i + 67
	case 68:
		m[1] = i + 68
	case 69:
		m[1] = i + 69
	case 70:
		m[1] = i + 70
	case 71:
		m[1] = i + 71
	case 72:
		m[1] = i + 72
	case 73:
		m[1] = i + 73
	case 74:
		m[1] = i + 74
	case 75:
		m[1] = i + 75
	case 76:
		m[1] = i + 76
	case 77:
		m[1] = i + 77
	case 78:
		m[1] = i + 78
	case 79:
		m[1] = i + 79
	case 80:
		m[1] = i + 80
	case 81:
		m[1] = i + 81
	case 82:
		m[1] = i + 82
	case 83:
		m[1] = i + 83
	case 84:
		m[1] = i + 84
	case 85:
		m[1] = i + 85
	case 86:
		m[1] = i + 86
	case 87:
		m[1] = i + 87
	case 88:
		m[1] = i + 88
	case 89:
		m[1] = i + 89
	case 90:
		m[1] = i + 90
	case 91:
		m[1] = i + 91
	case 92:
		m[1] = i + 92
	case 93:
		m[1] = i + 93
	case 94:
		m[1] = i + 94
	case 95:
		m[1] = i + 95
	case 96:
		m[1] = i + 96
	case 97:
		m[1] = i + 97
	case 98:
		m[1] = i + 98
	case 99:
		m[1] = i + 99
	case 100:
		m[1] = i + 100
	case 101:
		m[1] = i + 101
	case 102:
		m[1] = i + 102
	case 103:
		m[1] = i + 103
	case 104:
		m[1] = i + 104
	case 105:
		m[1] = i + 105
	case 106:
		m[1] = i + 106
	case 107:
		m[1] = i + 107
	case 108:
		m[1] = i + 108
	case 109:
		m[1] = i + 109
	case 110:
		m[1] = i + 110
	case 111:
		m[1] = i + 111
	case 112:
		m[1] = i + 112
	case 113:
		m[1] = i + 113
	case 114:
		m[1] = i + 114
	case 115:
		m[1] = i + 115
	case 116:
		m[1] = i + 116
	case 117:
		m[1] = i + 117
	case 118:
		m[1] = i + 118
	case 119:
		m[1] = i + 119
	case 120:
		m[1] = i + 120
	case 121:
		m[1] = i + 121
	case 122:
		m[1] = i + 122
	case 123:
		m[1] = i + 123
	case 124:
		m[1] = i + 124
	case 125:
		m[1] = i + 125
	case 126:
		m[1] = i + 126
	case 127:
		m[1] = i + 127
	case 128:
		m[1] = i + 128
	case 129:
		m[1] = i + 129
	case 130:
		m[1] = i + 130
	case 131:
		m[1] = i + 131
	case 132:
		m[1] = i + 132
	case 133:
		m[1] = i + 133
	case 134:
		m[1] = i + 134
	case 135:
		m[1] = i + 135
	case 136:
		m[1] = i + 136
	case 137:
		m[1] = i + 137
	case 138:
		m[1] = i + 138
	case 139:
		m[1] = i + 139
	case 140:
		m[1] = i + 140
	case 141:
		m[1] = i + 141
	case 142:
		m[1] = i + 142
	case 143:
		m[1] = i + 143
	case 144:
		m[1] = i + 144
	case 145:
		m[1] = i + 145
	case 146:
		m[1] = i + 146
	case 147:
		m[1] = i + 147
	case 148:
		m[1] = i + 148
	case 149:
		m[1] = i + 149
	}
	mu.Unlock()
}

func keep(period time.Duration) {
	last := time.Now()
	for i := 0; ; i++ {
		locked(i)
		if period > 0 && time.Since(last) > period {
			last = time.Now()
			forgot(i)
		}
		time.Sleep(800 * time.Microsecond)
	}
}

func main() {
	period, _ := time.ParseDuration(os.Args[1])
	go keep(0)
	keep(period)
}
